"""`trackfold demo` as a person runs it: what was scripted is found, a browser shows it, and nothing stays behind."""

import re
import shutil
from collections.abc import Callable, Iterator

import msgspec
import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

from connectors.upload import s3
from connectors.upload.plan import object_name
from schemas.topics import UNATTENDED_EVENTS
from tests.connector_stack import wait_for
from tests.demo import scenes
from tests.demo.running import DESKTOP, OPERATOR, PHONE, VIEWER, Demo, Visitor, chromium, demo
from tests.demo.scenes import DAY

pytestmark = pytest.mark.timeout(1500)  # whichever is first, waits for the demo


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with demo(tmp_path_factory.mktemp("shown") / "demo") as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def operator(shown: Demo, browser: Browser) -> Iterator[Visitor]:
    visitor = Visitor(browser, shown.address, OPERATOR)
    yield visitor
    visitor.context.close()


def test_the_demo_finds_every_scripted_episode_and_offers_the_console(
    shown: Demo, figures: Callable[[str], None]
) -> None:
    figures(shown.said[shown.said.find("scripted and found") :])
    assert "0 not scripted" in shown.said
    assert "MISSING" not in shown.said
    assert "all stores agree" in shown.said


def test_the_day_shows_every_episode_that_was_found_at_the_sites_time(shown: Demo, operator: Visitor) -> None:
    page = operator.page
    page.goto("/")
    expect(page).to_have_url(f"{shown.address}day/{DAY}")
    expect(page.locator(".bars a rect")).to_have_count(shown.found)
    expect(page.get_by_role("heading", name=f"{shown.found} episodes")).to_be_visible()
    expect(page.locator("tbody tr").first).to_contain_text("11:00:")  # in Berlin, where the shop is
    operator.looks_well()


def test_filters_leave_what_was_asked_for(shown: Demo, operator: Visitor) -> None:
    page = operator.page
    page.goto(f"/day/{DAY}")
    page.get_by_label("Kind").select_option("unattended")
    expect(page).to_have_url(f"{shown.address}day/{DAY}?kind=unattended")
    expect(page.locator(".bars rect.interaction")).to_have_count(0)
    expect(page.locator(".bars rect.unattended").first).to_be_visible()
    page.get_by_label("Camera").select_option("counter")
    expect(page.locator(".line-name strong")).to_have_count(1)
    page.get_by_role("link", name="Show all").first.click()
    expect(page.locator(".bars rect.interaction").first).to_be_visible()


def test_a_timeline_can_be_walked_with_the_keyboard(shown: Demo, operator: Visitor) -> None:
    page = operator.page
    page.goto(f"/day/{DAY}")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('svg.bars') !== null"):
            break
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/episodes/"))


def test_every_question_has_its_chart(shown: Demo, operator: Visitor) -> None:
    page = operator.page
    page.goto("/questions")
    expect(page.locator(".chart-place .quiet", has_text="asking")).to_have_count(0)
    expect(page.locator("svg .column").first).to_be_visible()
    page.get_by_text("Ask it in SQL").first.click()
    expect(page.locator("pre").first).to_contain_text("FROM interactions_hourly")
    operator.looks_well()


def test_who_waits_now_is_there_with_a_clock_that_goes_and_is_gone_when_served(shown: Demo, operator: Visitor) -> None:
    page = operator.page
    page.goto("/now")
    waits = scenes.waits(shown, 12345, since_s=5)
    scenes.publish(shown, UNATTENDED_EVENTS, waits)
    clock = page.locator(".now", has_text="customer 12345").locator(".clock")
    expect(clock).to_be_visible(timeout=15_000)
    was = clock.inner_text()
    expect(clock).not_to_have_text(was)
    ended = msgspec.structs.replace(waits, phase="discarded", facet_revision=3, ended_at=waits.started_at + 9000)
    scenes.publish(shown, UNATTENDED_EVENTS, ended)
    expect(clock).to_have_count(0, timeout=15_000)
    operator.looks_well()


def test_a_clip_plays_from_the_episodes_start_with_boxes_where_its_people_are(shown: Demo, operator: Visitor) -> None:
    # given an episode's page, paused
    page = operator.page
    page.goto(f"/day/{DAY}?kind=interaction")
    page.locator("tbody tr a").first.click()
    _has_loaded(page)
    sidecar = page.evaluate("fetch(document.querySelector('video').dataset.alertBoxes).then((a) => a.json())")
    started = int(page.locator(".player").get_attribute("data-started") or 0)

    # then it stands where the episode begins, and each box on the place that the sidecar says, in the shown picture
    begins_s = (started - sidecar["covered_from"]) / 1000
    expect(page.locator(".people g")).to_have_count(2)
    _has_loaded(page)
    assert abs(page.evaluate(NOW) - begins_s) < 0.1
    seen = page.evaluate(BOXES)
    for person in sidecar["participants"]:
        near = min(person["boxes"], key=lambda box: abs(box[0] - begins_s * 1000))
        scale = seen["picture"]["width"] / sidecar["width"]
        wanted = [scale * pixels for pixels in near[1:]]
        got = seen["boxes"][str(person["person_id"])]
        assert got["word"].startswith(person["role"])
        assert max(abs(a - b) for a, b in zip(got["box"], wanted, strict=True)) < 6, (got, wanted)

    # when it plays, then time goes on, and there is a picture
    page.evaluate("document.querySelector('video').play()")
    _becomes(page, f"{NOW} > {begins_s} + 1")
    darkest, brightest = page.evaluate(PICTURE)
    assert brightest - darkest > 100
    page.get_by_label("who is who").uncheck()
    expect(page.locator(".people")).to_be_hidden()

    # and the marks lead to their places, also to one in the other part
    page.evaluate("document.querySelector('video').pause()")
    page.get_by_role("button", name="start").click()
    _becomes(page, f"Math.abs({NOW} - {begins_s}) < 0.1")
    page.get_by_role("button", name="End", exact=True).click()
    _becomes(page, "document.querySelector('video').src.includes('clip/closing')")
    _has_loaded(page)
    page.get_by_role("button", name="start").click()
    _becomes(page, f"document.querySelector('video').src.includes('clip/alert') && {NOW} > 0")
    operator.looks_well()


def _has_loaded(page: Page) -> None:
    _becomes(page, "document.querySelector('video').readyState >= 2 && !document.querySelector('video').seeking")


def _becomes(page: Page, condition: str) -> None:
    """Asked again and again from outside: the page's own policy lets nobody wait inside it."""
    wait_for(lambda: page.evaluate(condition))


NOW = "document.querySelector('video').currentTime"
BOXES = """() => {
  const picture = document.querySelector("video").getBoundingClientRect();
  const of = (group) => {
    const { left, top, right, bottom } = group.querySelector("rect").getBoundingClientRect();
    return { box: [left - picture.left, top - picture.top, right - picture.left, bottom - picture.top],
             word: group.querySelector("text").textContent };
  };
  const groups = [...document.querySelectorAll(".people g")];
  const boxes = Object.fromEntries(groups.map((group) => [group.dataset.person, of(group)]));
  return { picture: picture.toJSON(), boxes };
}"""
PICTURE = """() => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 36 });
  const drawing = canvas.getContext("2d");
  drawing.drawImage(document.querySelector("video"), 0, 0, 64, 36);
  const light = [...drawing.getImageData(0, 0, 64, 36).data].filter((_, n) => n % 4 === 1);
  return [Math.min(...light), Math.max(...light)];
}"""


def test_the_trail_of_an_episode_holds_and_says_who_looked(shown: Demo, operator: Visitor) -> None:
    page = operator.page
    page.goto(f"/day/{DAY}")
    page.locator("tbody tr a").first.click()
    trail = page.locator("#story")
    expect(trail).to_contain_text("The chain holds", timeout=30_000)
    expect(trail).to_contain_text("All stores agree")
    for step in ("started", "confirmed", "clip alert", "upload alert", "page to operator token (operator)"):
        expect(trail.locator("tr", has_text=step).first).to_be_visible()
    operator.looks_well()


def test_a_shared_link_shows_one_episode_to_whoever_has_it_and_an_altered_one_nothing(
    shown: Demo, browser: Browser, operator: Visitor
) -> None:
    # given a link
    page = operator.page
    page.goto(f"/day/{DAY}")
    page.locator("tbody tr a").first.click()
    page.get_by_label("A link, valid for").select_option("1 hour")
    page.get_by_role("button", name="Make a link").click()
    address = page.get_by_label("The link").input_value()

    # when somebody opens it who is not signed in
    visitor = Visitor(browser, shown.address, None)
    visitor.page.goto(address)

    # then the clip plays for him, and there is nothing else to go to
    _has_loaded(visitor.page)
    visitor.page.evaluate("document.querySelector('video').play()")
    _becomes(visitor.page, f"{NOW} > 5.5")
    expect(visitor.page.get_by_role("navigation")).to_have_count(0)
    expect(visitor.page.get_by_role("button", name="Make a link")).to_have_count(0)
    visitor.looks_well()

    # and with a link that was altered he gets nothing
    altered = address[:-3] + ("aaa" if address[-3:] != "aaa" else "bbb")
    for wanted in (altered, f"{altered}/clip/alert", page.url, page.url.replace("?", "/clip/alert?")):
        assert visitor.context.request.get(wanted, max_redirects=0).status in (303, 401, 404)
    visitor.context.close()


def test_what_is_drawn_changes_a_replay_and_the_versions_show_how(shown: Demo, operator: Visitor) -> None:
    # given a shop in which customers wait at the shoes
    page = operator.page
    site = scenes.drawn_without_the_shoes(shown, page)

    # when the day is folded again with what was drawn
    scenes.replayed(shown, "drawn", site)

    # then nobody waits there any more, and one sees it beside what is live
    page.goto("/versions/drawn")
    expect(page.locator(".diffs strong")).to_contain_text("difference", timeout=60_000)
    expect(page.locator(".diffs rect.diff-gone").first).to_be_visible()
    operator.looks_well()


def test_what_failed_is_done_again_with_a_click(shown: Demo, operator: Visitor) -> None:
    # given a clip that could not be stored, for its file is another one
    page, settings = operator.page, shown.settings
    clip, path, right = scenes.clip_of_other_bytes(shown)
    with scenes.storing(shown):
        scenes.await_failed_upload(shown)
        page.goto("/failed")
        row = page.locator(".failure", has_text="its SHA-256 has changed since")

        # when the right file lies there, and somebody clicks
        shutil.copy(right, path)
        row.get_by_role("button", name="Retry").click()

        # then the page says by itself that it is stored, and it is
        done = f"done upload of {clip.episode_id}:{clip.part}"
        expect(page.locator(".failure")).to_have_text(done, timeout=120_000)
    held = s3.client(settings).get_object(Bucket=settings.s3.bucket, Key=object_name(clip))
    assert held["Body"].read() == right.read_bytes()
    page.reload()
    expect(page.locator("#list")).to_contain_text("Nothing failed")
    operator.looks_well()


def test_without_signing_in_there_is_nothing(shown: Demo, browser: Browser) -> None:
    visitor = Visitor(browser, shown.address, None)
    visitor.page.goto(f"/day/{DAY}?kind=unattended")
    expect(visitor.page.get_by_role("heading", name="Sign in")).to_be_visible()
    visitor.page.get_by_label("Token").fill(VIEWER)
    visitor.page.get_by_role("button").click()
    expect(visitor.page).to_have_url(f"{shown.address}day/{DAY}?kind=unattended")
    visitor.page.get_by_role("button", name="Sign out").click()
    for path in ("/", f"/day/{DAY}", "/questions/served", "/now/list", "/versions"):
        answer = visitor.context.request.get(path, max_redirects=0)
        assert answer.status == 401, path
    visitor.context.close()


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_no_page_is_wider_than_its_window(shown: Demo, browser: Browser, size: tuple[int, int]) -> None:
    visitor = Visitor(browser, shown.address, OPERATOR, size)
    for path in ("/now", f"/day/{DAY}", "/questions", "/versions", "/nothing"):
        visitor.page.goto(path)
        if path == "/nothing":  # which the browser, too, calls an error
            visitor.wrong.clear()
        visitor.looks_well()
    visitor.context.close()


def test_ctrl_c_ends_all_of_it_cleanly(shown: Demo) -> None:
    """The last one of this file: it takes the demo away."""
    last = shown.stop()
    assert shown.process.returncode == 0, last
    left = [p.pid for p in psutil.process_iter(["cmdline"]) if str(shown.folder) in " ".join(p.info["cmdline"] or [])]
    assert left == []
