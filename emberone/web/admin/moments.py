"""What happened to a ticket, line by line: comments, changes, time limits and letters alike."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from flask import url_for
from flask_babel import gettext as _

from emberone.domain.enums import CommentType, MailState, Metric, Priority
from emberone.mail.fates import Fate
from emberone.mail.kinds import kind_of
from emberone.markdown import to_words
from emberone.queries.comments import CommentCard, CommentRow
from emberone.queries.letters import LetterLine
from emberone.queries.timeline import Moment
from emberone.web.admin.limits import METRIC_NAMES
from emberone.web.admin.wording import Line, Names, line
from emberone.web.theme.badges import badge_of
from emberone.web.theme.formats import time_short
from emberone.web.waiting import inactivity_words

#: So much of a comment stands in its line.
_EXCERPT: Final = 240

#: How a letter's line is marked, by how far the letter has come.
_MARKS: Final = {MailState.DEAD: "danger", MailState.SUPPRESSED: "internal"}


def lines(moments: Iterable[Moment], names: Names, now: datetime, page_url: str) -> list[Line]:
    """The moments in words; `page_url` is where the conversation is read."""
    return [_line(moment, names, now, page_url) for moment in moments]


def _line(moment: Moment, names: Names, now: datetime, page_url: str) -> Line:
    if moment.comment is not None:
        return _comment(moment.comment, page_url)
    if moment.letter is not None:
        return _letter(moment.letter, now)
    assert moment.entry is not None
    return line(moment.entry, names)


def _comment(card: CommentCard, page_url: str) -> Line:
    if card.type is CommentType.SYSTEM:
        icon, text, mark = "robot", _("noted"), ""
    elif card.is_internal:
        icon, text, mark = "lock", _("left an internal note"), "internal"
    elif card.author_role and card.author_role.is_staff:
        icon, text, mark = "arrow-back-up", _("replied"), ""
    else:
        icon, text, mark = "message", _("wrote"), ""
    is_system = card.type is CommentType.SYSTEM
    words = " ".join(system_words(card).split()) if is_system else to_words(card.content)
    return Line(
        icon=icon,
        actor=author_of(card),
        text=text,
        time=card.created_at,
        reason=words if len(words) <= _EXCERPT else f"{words[:_EXCERPT]}…",
        kind=mark,
        ticket_number=None,
        id=str(card.id),
        url=f"{page_url}#comment-{card.id}",
    )


def _fate_words(state: MailState, fate: Fate) -> str:
    """What became of a letter, and why or what comes; what is kept says both in one sentence."""
    if fate.then is None:
        return fate.name
    return fate.then if state is MailState.KEPT else f"{fate.name}. {fate.then}"


def _letter(letter: LetterLine, now: datetime) -> Line:
    fate = letter.fate(now)
    to = letter.to_name or _("someone who is gone")
    return Line(
        icon="mail-exclamation" if letter.state in _MARKS else "mail",
        actor=_("EmberOne"),
        text=_(
            "wrote the letter “%(letter)s” to %(to)s",
            letter=str(kind_of(letter.letter).name),
            to=to,
        ),
        time=letter.created_at,
        reason=_fate_words(letter.state, fate),
        kind=_MARKS.get(letter.state, ""),
        ticket_number=None,
        id=str(letter.id),
        url=url_for("letter.details_view", id=letter.id),
    )


def author_of(card: CommentCard) -> str:
    """Who said it, as a person reads it."""
    if card.type is CommentType.SYSTEM:
        return _("EmberOne")
    return card.author_name or _("Someone who is gone")


def system_words(card: CommentCard) -> str:
    """What a comment says; the product's own words in the reader's language, where it knows how."""
    if card.type is not CommentType.SYSTEM:
        return card.content
    return words_of(card.content, card.details.get("systemData") or {})


def excerpt_of(row: CommentRow) -> str:
    """One line of what a comment says, as a reader would see it."""
    if row.type is CommentType.SYSTEM:
        return words_of(row.excerpt, row.facts or {})
    return to_words(row.excerpt)


def words_of(content: str, facts: Mapping[str, Any]) -> str:
    """What the product said, by what it kept beside its words."""
    quiet = inactivity_words(facts)
    if quiet is not None:
        return quiet
    kind, metric = facts.get("kind"), facts.get("metric")
    if metric not in list(Metric):
        return content
    try:
        moment = datetime.fromisoformat(facts.get("dueAt", ""))
    except (TypeError, ValueError):
        return content
    name, time = str(METRIC_NAMES[Metric(metric)]), time_short(moment)
    if kind == "sla_warning":
        words = _("%(name)s is due on %(time)s.", name=name, time=time)
    elif kind == "sla_breach":
        words = _("%(name)s was due on %(time)s.", name=name, time=time)
    else:
        return content
    before, after = facts.get("raisedFrom"), facts.get("raisedTo")
    if before in list(Priority) and after in list(Priority):
        old, new = str(badge_of(before).label), str(badge_of(after).label)
        words += " " + _("Priority raised from %(old)s to %(new)s.", old=old, new=new)
    elif "Priority raised" in content:
        # Written before the priorities were kept beside the words.
        return content
    return words
