"""Who was shown what: a record in the topic evidence-views, acknowledged before anything is shown."""

import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field

from infra.config import Settings
from infra.kafka import Publisher, connect_codec, ensure_topics
from schemas.acts import EvidenceViewed, ViewedHow, ViewerRole
from schemas.errors import ServerError
from schemas.records import ClipPart
from schemas.topics import EVIDENCE_VIEWS

ONE_VIEW_S = 300.0
"""A clip is fetched in many pieces: what one person fetches of it within so long is one view."""
ACK_S = 10.0
KNOWN_MAX = 10_000


@dataclass(frozen=True)
class Viewer:
    """Who looks. Where role is link: name is who made the link."""

    name: str
    role: ViewerRole


@dataclass
class Views:
    """Writes the records of one console."""

    settings: Settings
    _publisher: Publisher | None = None
    _known: dict[tuple[object, ...], float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _connecting: threading.Thread | None = None

    def start(self) -> None:
        """Connect already, so that the first page does not wait for it."""
        self._connecting = threading.Thread(target=self._connect, name="views", daemon=True)
        self._connecting.start()

    def stop(self) -> None:
        """Nothing is under way: each view was acknowledged."""
        if self._connecting is not None:
            self._connecting.join()

    def note(
        self,
        site_id: str,
        camera_id: str,
        episode_id: str,
        day: str,
        who: Viewer,
        how: ViewedHow,
        part: ClipPart | None,
    ) -> None:
        """When this returns, the view is in the log. Raises ServerErrors: then nothing may be shown."""
        view = (episode_id, who, part)
        with self._lock:
            if how == "clip" and time.monotonic() - self._known.get(view, -ONE_VIEW_S) < ONE_VIEW_S:
                return
            record = EvidenceViewed(
                site_id=site_id,
                camera_id=camera_id,
                episode_id=episode_id,
                business_day=day,
                part=part,
                viewed_at=time.time_ns() // 1_000_000,
                by=who.name,
                role=who.role,
                how=how,
            )
            publisher = self._connected()
            publisher.publish(EVIDENCE_VIEWS, camera_id, record)
            publisher.flush(ACK_S)
            if how == "clip":
                if len(self._known) >= KNOWN_MAX:
                    self._known.clear()  # then a view may be written twice, which is no harm
                self._known[view] = time.monotonic()

    def _connect(self) -> None:
        with suppress(ServerError), self._lock:  # else the first view will say what is wrong
            self._connected()

    def _connected(self) -> Publisher:
        if self._publisher is None:
            ensure_topics(self.settings, (EVIDENCE_VIEWS,))
            self._publisher = Publisher(self.settings, connect_codec(self.settings), linger_ms=0)
        return self._publisher
