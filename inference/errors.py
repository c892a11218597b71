"""What a person can put right: each error is one line that says what is wrong, where, and what to do."""

from schemas.errors import ExplainedError, InputError


class SourceError(InputError):
    """The video cannot be opened, read or placed in time."""


class DetectorError(InputError):
    """The detector cannot be loaded."""


class LaneError(InputError):
    """What would be published does not continue what this lane of the log already holds."""


class RecordingError(ExplainedError):
    """The recording cannot be written."""
