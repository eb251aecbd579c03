"""When a version of a document became current: the source's own time where it can be believed, else the catalog's."""

from __future__ import annotations

from assay.records.moments import just_after, moment


def becomes_current(modified_at: str, now: str, after: str = "") -> str:
    """The moment from which a version counts.

    The source's modification time, when it is a moment at all, not in the future, and later than `after`: when the
    version before it began or, for a document that was away, ended. A clock that is ahead, a file copied with an older
    time, and two changes in one tick fail that, and the version counts from `now`. Where even `now` is not later (the
    catalog's own clock was set back), it counts from one microsecond after `after`. So the times in which versions of
    one document are current never overlap and are never empty.
    """
    stated = _moment_or_nothing(modified_at)
    if stated and after < stated <= now:
        return stated
    return now if now > after else just_after(after)


def ends(now: str, valid_from: str) -> str:
    """The moment at which a version that began at `valid_from` is taken away."""
    return now if now > valid_from else just_after(valid_from)


def _moment_or_nothing(text: str) -> str:
    try:
        return moment(text)
    except ValueError:
        return ""
