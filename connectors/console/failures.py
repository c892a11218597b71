"""What failed: the list with filters, and for an operator the ways out, whose outcome appears by itself."""

import time
from collections import Counter
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, get_args

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import Response

from connectors.console.kept import Kept, Read
from connectors.console.page import Console
from connectors.console.sign_in import User, operator, viewer
from connectors.ways_out import dead_letters, service
from connectors.ways_out.dead_letters import Letter
from connectors.ways_out.failures import GOOD, STEPS, Failure, Filter, Job, Result, State, Word, asks
from connectors.ways_out.service import Standing
from connectors.work import Work
from schemas.errors import ExplainedError, InputError

FRESH_S = 5.0
"""A list may be so old; the topics are read whole for it."""
POLLED_S = 1.5
"""The answer to who waits for an outcome may be so old."""
LETTERS_S = 30.0
SHOWN_MAX = 300
Shown = Literal["", "person", "retrying", "failed", "ambiguous", "expired", "partial", "halted"]
EVERY: tuple[State, ...] = get_args(State)
PERSON: tuple[State, ...] = ("failed", "ambiguous", "halted")
"""States that wait for a person."""
Looks = Annotated[User, Depends(viewer)]
Acts = Annotated[User, Depends(operator)]
Field = Annotated[str, Form()]


@dataclass(frozen=True)
class Row:
    """One failure as it is shown."""

    failure: Failure
    number: int
    """Of its place on the page."""
    asked: int | None = None
    """Just asked for again, when this revision was published (a camera: halted at this time, ms UTC): the row asks
    what came of it."""
    trouble: str = ""
    """Why what was asked for cannot be done."""

    @property
    def key(self) -> str:
        """What the row is known by: step and work key, or the camera and lane that stand still."""
        one = self.failure
        return f"{one.step} {one.work_key or f'{one.camera_id}/{one.lane}'}"

    @property
    def may_retry(self) -> bool:
        """Can it simply be done again?"""
        return self.failure.work_key is not None and not self.failure.may_be_accepted


def routes(console: Console) -> APIRouter:
    """The page, its list, and what can be done about a row."""
    router = APIRouter()
    settings, site_id = console.settings, console.site.site_id
    standing: Kept[Standing] = Kept(lambda: service.standing(settings))
    letters: Kept[list[Letter]] = Kept(lambda: dead_letters.read_letters(settings))

    def failing(read: Read[Standing]) -> list[Failure]:
        return read.value.failures(settings, site_id)

    def listed(
        request: Request, read: Read[Standing], fit: list[Failure], asked: dict[str, int] | None = None, said: str = ""
    ) -> Response:
        rows = [Row(failure, number) for number, failure in enumerate(fit[:SHOWN_MAX])]
        return console.page(
            request,
            "failed_list.html",
            trouble="",
            read=read,
            rows=[replace(row, asked=(asked or {}).get(row.key)) for row in rows],
            left=len(fit) - len(rows),
            of_all=len(Filter().of(failing(read))),
            counts=Counter(failure.state for failure in fit),
            said=said,
        )

    def row(request: Request, one: Row) -> Response:
        return console.page(request, "failed_row.html", row=one)

    def gone(request: Request, number: int, text: str, good: bool) -> Response:
        return console.page(request, "failed_gone.html", number=number, text=text, good=good)

    def find(key: str, number: int, max_age_s: float = 0.0) -> Row | None:
        rows = (Row(failure, number) for failure in failing(standing.get(max_age_s)))
        return next((one for one in rows if one.key == key), None)

    @router.get("/failed")
    def page(request: Request, user: Looks) -> Response:
        query = request.query_params
        return console.page(
            request, "failed.html", cameras=console.cameras, query=query, shown=get_args(Shown)[2:], steps=STEPS
        )

    @router.get("/failed/list")
    def table(
        request: Request,
        user: Looks,
        camera: Annotated[str, Query(max_length=64)] = "",
        day: Annotated[str, Query(pattern=r"^(\d{4}-\d\d-\d\d)?$")] = "",
        step: Literal["", "clip", "upload", "incident", "fold"] = "",
        state: Shown = "",
    ) -> Response:
        try:
            read = standing.get(FRESH_S)
        except ExplainedError as error:  # as a part of the page, for htmx shows no other answer
            return console.page(request, "failed_list.html", trouble=str(error))
        return listed(request, read, _wanted(camera, day, step, state).of(failing(read)))

    @router.get("/failed/letters")
    def aside(request: Request, user: Looks) -> Response:
        try:
            read = letters.get(LETTERS_S)
        except ExplainedError as error:
            return console.page(request, "failed_letters.html", trouble=str(error))
        waiting = [letter for letter in read.value if not letter.republished]
        of = Counter(letter.source.name for letter in waiting)
        newest = {letter.source.name: letter for letter in waiting}
        return console.page(
            request,
            "failed_letters.html",
            trouble="",
            of=sorted(of.items()),
            newest=newest,
            read=read,
            all=len(read.value),
        )

    @router.post("/failed/retry")
    def retry(
        request: Request,
        user: Acts,
        key: Field,
        number: Annotated[int, Form()] = 0,
        verdict: Annotated[Literal["", "accepted", "not_accepted"], Form()] = "",
        external_id: Annotated[str, Form(max_length=300)] = "",
        reason: Annotated[str, Form(max_length=500)] = "",
    ) -> Response:
        one = find(key, number)
        if one is None:
            return gone(
                request, number, "it is not listed any more: it went well, or somebody else took care of it", True
            )
        if verdict and not reason.strip():
            return row(request, replace(one, trouble="say how you know: it stands in the audit"))
        try:
            made, left = asks([one.failure], _word(user, reason, verdict, external_id))
        except InputError as error:
            return row(request, replace(one, trouble=str(error)))
        if left or not made:
            return row(request, replace(one, trouble="it may have been accepted: say first whether it is there"))
        service.send(settings, made)
        return row(request, replace(one, asked=one.failure.revision))

    @router.post("/failed/retry-all")
    def retry_all(
        request: Request,
        user: Acts,
        key: Annotated[list[str], Form()],
        reason: Annotated[str, Form(max_length=500)] = "",
    ) -> Response:
        """All that were shown: what has failed since was not seen by who asks."""
        read = standing.get(0.0)
        shown = [failure for failure in Filter(states=EVERY).of(failing(read)) if Row(failure, 0).key in set(key)]
        made, left = asks(shown, _word(user, reason))
        service.send(settings, made)
        said = f"{len(made)} asked for again" + (f"; {len(left)} wait for your word first" if left else "")
        return listed(request, read, shown, {f"{ask.step} {ask.work_key}": ask.revision for ask in made}, said)

    @router.post("/failed/skip")
    def skip(
        request: Request,
        user: Acts,
        key: Field,
        number: Annotated[int, Form()] = 0,
        reason: Annotated[str, Form(max_length=500)] = "",
    ) -> Response:
        one = find(key, number)
        if one is None or one.failure.state != "halted":
            return gone(request, number, "the camera does not stand still any more", True)
        if not reason.strip():
            return row(request, replace(one, trouble="say why: a replay passes over the record as well, and tells it"))
        failure = one.failure
        service.skip(settings, console.site, failure.camera_id, failure.lane, _word(user, reason))
        return row(request, replace(one, asked=failure.since))

    @router.get("/failed/came")
    def came(request: Request, user: Looks, key: str, asked: int, number: int = 0) -> Response:
        """What came of a row, once it is known."""
        try:
            read = standing.get(POLLED_S)
        except ExplainedError:
            return Response(status_code=204)  # nothing new: the row asks again
        one = find(key, number, POLLED_S)
        step, _, work_key = key.partition(" ")
        if step == "fold":
            if one is None:
                return gone(request, number, f"{work_key}: the camera goes on", True)
            return Response(status_code=204) if one.failure.since == asked else row(request, one)
        outcome = service.came_of(_works(read.value, step), work_key, asked)
        if outcome is None:
            return Response(status_code=204)
        if one is not None and one.failure.state != "retrying":
            return row(request, one)
        told = "" if outcome == "done" else f": {outcome}"  # the badge says it
        return gone(request, number, f"{step} of {work_key}{told}", outcome in (*GOOD, "done"))

    return router


def _wanted(camera: str, day: str, step: str, state: Shown) -> Filter:
    states = Filter.states if not state else PERSON if state == "person" else (state,)
    return Filter(camera=camera or None, day=day or None, step=step or None, states=states)


def _word(user: User, reason: str, verdict: str = "", external_id: str = "") -> Word:
    said: Any = verdict or None
    return Word(user.name, reason.strip(), time.time_ns() // 1_000_000, said, external_id.strip() or None)


def _works(standing: Standing, step: str) -> dict[str, Work[Job, Result]]:
    """Of one connector; none for a word that names no step."""
    return next((works for known, works in standing.works.items() if known == step), {})
