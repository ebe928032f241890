"""SLA clocks: what a ticket's events do to them.

Steps that services call inside their transaction with the product's rights
(`as_system`) and the ticket's row locked. `at` is when the event happened and
decides every verdict (SLA rule 16). Each call that moves a clock leaves one
internal history entry, from which `emberone explain` tells the story again.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from emberone.domain.enums import Metric, Status
from emberone.domain.errors import Conflict
from emberone.domain.sla import PRIORITY_CHANGE, TEAM_CHANGE
from emberone.models import SLAClock, SLAPolicyVersion, Ticket
from emberone.queries.sla import moved_by_reopening
from emberone.services import steps
from emberone.services.clock_book import (
    CAME_CLOSED,
    CLOSED,
    COMMENT_DELETED,
    NO_TARGET,
    WORKED_ON,
    ClockBook,
)
from emberone.services.promises import (
    Promise,
    choose,
    promised,
    staff_has_spoken,
    was_closed_since_customer_spoke,
)


def opened(
    session: Session,
    ticket: Ticket,
    *,
    at: datetime,
    starts_with_staff_comment: bool = False,
    cause: str | None = None,
) -> None:
    """Choose the policy (SLA rule 0) and start the clocks (rules 1 and 3).

    Where staff opened it with a public comment, FIRST_RESPONSE waits for the
    customer. With the cause `import`, what has fallen due until now is history:
    breaches are noted, but nobody is told of them.
    """
    # The choice reads the ticket's row.
    session.flush()
    book = ClockBook(session, ticket, at)
    policy = choose(session, ticket.id)
    is_closed = ticket.status is Status.CLOSED
    if starts_with_staff_comment or is_closed:
        book.begin(policy, [Metric.RESOLUTION], cause=cause)
    else:
        book.begin(policy, [Metric.FIRST_RESPONSE, Metric.RESOLUTION], cause=cause)
    if ticket.status is Status.WAITING:
        _wait(book)
    elif is_closed:
        _stop(book, book.open, CAME_CLOSED)
    book.note_choice(policy)
    book.write()


def staff_replied(session: Session, ticket: Ticket, *, at: datetime) -> None:
    """Meet FIRST_RESPONSE or NEXT_RESPONSE; call it before the status changes (SLA rule 6)."""
    book = ClockBook.of(session, ticket, at)
    met = []
    for metric in (Metric.FIRST_RESPONSE, Metric.NEXT_RESPONSE):
        clock = book.clocks.get(metric)
        if clock is None:
            continue
        if book.may_go_on(clock):
            # A reply to a closed ticket answers what closing had left unanswered.
            _revive(book, [clock])
        if clock.timing.is_open:
            book.meet(clock)
            met.append(clock)
    steps.cancel(session, met, at)
    book.write()


def customer_spoke(session: Session, ticket: Ticket, *, at: datetime) -> None:
    """Start the clock that a customer's public comment starts, if any (SLA rules 1 and 2).

    A comment while another is still unanswered moves nothing. In which order
    this and `status_changed` are called makes no difference.
    """
    book = ClockBook.of(session, ticket, at)
    first = book.clocks.get(Metric.FIRST_RESPONSE)
    if first is None or first.stopped_reason == COMMENT_DELETED:
        # Staff opened it with a public comment; or a first response is not promised at all.
        book.begin(choose(session, ticket.id), [Metric.FIRST_RESPONSE])
        if Metric.FIRST_RESPONSE not in book.clocks and staff_has_spoken(session, ticket.id):
            _await_next_response(book)
    elif book.may_go_on(first):
        _go_on(book, [first])
    elif not first.timing.is_open and (first.met_at or staff_has_spoken(session, ticket.id)):
        _await_next_response(book)
    book.write()


def comment_deleted(session: Session, ticket: Ticket, *, at: datetime) -> None:
    """End what a deleted comment of the customer's began, where staff spoke last now (rule 2)."""
    session.refresh(ticket, ["customer_spoke_last"])
    if ticket.customer_spoke_last:
        return
    book = ClockBook.of(session, ticket, at)
    answers = [clock for clock in book.open if clock.metric is not Metric.RESOLUTION]
    _stop(book, answers, COMMENT_DELETED)
    book.write()


def status_changed(session: Session, ticket: Ticket, before: Status, *, at: datetime) -> None:
    """Pause, resume, end or reopen clocks; call it once the ticket has its new status."""
    after = ticket.status
    if before is after or {before, after} <= WORKED_ON:
        return
    book = ClockBook.of(session, ticket, at)
    if before is Status.CLOSED:
        _reopen(book)
    if after is Status.CLOSED:
        _close(book)
    elif after is Status.WAITING:
        _wait(book)
    elif before is Status.WAITING:
        _work_on(book)
    book.write()


def thanks_dismissed(session: Session, ticket: Ticket, *, at: datetime) -> None:
    """Take back what a customer's bare "thank you" has moved; call it before the ticket closes.

    What it let go on stands again as at the closing, with that verdict; what it began counts
    for nothing.
    """
    book = ClockBook.of(session, ticket, at)
    of_ticket = select(SLAClock).where(SLAClock.ticket_id == ticket.id)
    clocks = {
        clock.id: clock for clock in session.scalars(of_ticket.with_for_update(key_share=True))
    }
    moved = moved_by_reopening(session, ticket.id)
    steps.cancel(session, [clocks[clock_id] for clock_id in moved], book.at)
    for clock_id, ended in moved.items():
        if ended is None:
            book.disregard(clocks[clock_id])
        else:
            book.take_back(clocks[clock_id], ended)
    book.write()


def priority_changed(session: Session, ticket: Ticket, *, at: datetime) -> None:
    """Let open clocks follow the priority that a person set last (SLA rules 17 to 19).

    After the engine's own raise there is nothing to follow: `sla_priority` stays.
    A metric that is promised only from now on begins to run now. The clocks of a
    CLOSED ticket follow once they go on.
    """
    if ticket.status is Status.CLOSED:
        return
    book = ClockBook.of(session, ticket, at)
    _follow_promises(book, book.open, PRIORITY_CHANGE)
    _plan_anew(book)
    _begin_what_is_missing(book)
    book.write()


def team_changed(session: Session, ticket: Ticket, *, at: datetime) -> None:
    """Put open clocks under the policy of the ticket's new team, where that is another one.

    What was consumed stays, as with a change of priority; what is over stays as it ended.
    The clocks of a CLOSED ticket follow once they go on.
    """
    if ticket.status is Status.CLOSED:
        return
    book = ClockBook.of(session, ticket, at)
    policy = choose(session, ticket.id)
    if policy is None:
        _drop(book, book.open)
    elif {clock.policy_version_id for clock in book.open} == {policy.version_id}:
        return
    else:
        for clock in book.open:
            clock.policy_version_id = policy.version_id
        _follow_promises(book, book.open, TEAM_CHANGE)
        _plan_anew(book)
        _begin_what_is_missing(book)
    book.note_choice(policy)
    book.write()


def due_by_hand(
    session: Session,
    ticket: Ticket,
    metric: Metric,
    due_at: datetime,
    by: UUID | None,
    *,
    at: datetime,
) -> None:
    """Let the ticket's clock of this metric be due when staff have said (SLA rule 19)."""
    book = ClockBook.of(session, ticket, at)
    book.promise(_open_clock(book, metric), due_at, by)
    _plan_anew(book)
    book.write()


def due_by_target(session: Session, ticket: Ticket, metric: Metric, *, at: datetime) -> None:
    """Let it be due by its target again; on a WAITING ticket RESOLUTION pauses with that."""
    book = ClockBook.of(session, ticket, at)
    clock = _open_clock(book, metric)
    if clock.timing.is_due_by_hand:
        book.release(clock)
        # The promise has kept off what was changed meanwhile.
        _follow_what_is_in_force(book, [clock])
    if ticket.status is Status.WAITING:
        _wait(book)
    _plan_anew(book)
    book.write()


def _open_clock(book: ClockBook, metric: Metric) -> SLAClock:
    clock = book.clocks.get(metric)
    if clock is None or not clock.timing.is_open:
        raise Conflict("This time limit does not run any more.")
    return clock


def _await_next_response(book: ClockBook) -> None:
    clock = book.clocks.get(Metric.NEXT_RESPONSE)
    if clock is not None and clock.timing.is_open:
        # The oldest unanswered comment counts, not this one: SLA rule 2.
        return
    if clock is not None and book.may_go_on(clock):
        _go_on(book, [clock])
        return
    book.begin(choose(book.session, book.ticket.id), [Metric.NEXT_RESPONSE])


def _go_on(book: ClockBook, clocks: Sequence[SLAClock]) -> None:
    _revive(book, clocks)
    going_on = [clock for clock in clocks if clock.timing.is_open]
    steps.reopen(book.session, going_on, book.at)


def _revive(book: ClockBook, clocks: Sequence[SLAClock]) -> None:
    """Let ended clocks go on under the promises in force, which may have changed since.

    Nothing alerts at once: whoever calls this plans the steps (SLA rule 10).
    """
    if not clocks:
        return
    for clock in clocks:
        book.reopen(clock)
    _follow_what_is_in_force(book, clocks)


def _follow_what_is_in_force(book: ClockBook, clocks: Sequence[SLAClock]) -> None:
    """Put open clocks under the policy that the ticket has now, at its present priority."""
    policy = choose(book.session, book.ticket.id)
    cause = PRIORITY_CHANGE
    if policy is None or any(clock.policy_version_id != policy.version_id for clock in clocks):
        cause = TEAM_CHANGE
        book.note_choice(policy)
    if policy is None:
        _drop(book, clocks)
        return
    for clock in clocks:
        clock.policy_version_id = policy.version_id
    _follow_promises(book, clocks, cause)


def _reopen(book: ClockBook) -> None:
    """The same cycle inside the reopen window, a new one after it (SLA rule 10)."""
    _go_on(book, [clock for clock in book.clocks.values() if book.may_go_on(clock)])
    missing = []
    resolution = book.clocks.get(Metric.RESOLUTION)
    if resolution is None or not resolution.timing.is_open:
        missing.append(Metric.RESOLUTION)
    if _lacks_first_response(book):
        missing.append(Metric.FIRST_RESPONSE)
    if not missing:
        return
    policy = choose(book.session, book.ticket.id)
    before = {book.clocks[metric].policy_version_id for metric in missing if metric in book.clocks}
    if policy is not None and before != {policy.version_id}:
        book.note_choice(policy)
    book.begin(policy, missing)


def _lacks_first_response(book: ClockBook) -> bool:
    """Whether one may have been promised while the ticket was closed; not where it came in so."""
    first = book.clocks.get(Metric.FIRST_RESPONSE)
    if first is None:
        is_lacking = not any(clock.quiet_until for clock in book.clocks.values())
    else:
        is_lacking = first.stopped_reason == NO_TARGET
    return is_lacking and not staff_has_spoken(book.session, book.ticket.id)


def _close(book: ClockBook) -> None:
    """RESOLUTION is met; who waits for an answer still does, so that is no answer (rule 4)."""
    ended = book.open
    for clock in ended:
        if clock.metric is Metric.RESOLUTION or (
            clock.metric is Metric.FIRST_RESPONSE and _closing_is_response(book, clock)
        ):
            book.meet(clock)
        else:
            book.stop(clock, CLOSED)
    steps.cancel(book.session, ended, book.at)


def _closing_is_response(book: ClockBook, clock: SLAClock) -> bool:
    version = book.session.get_one(SLAPolicyVersion, clock.policy_version_id)
    return version.closing_is_response


def _wait(book: ClockBook) -> None:
    """Only RESOLUTION pauses (SLA rule 5); escalation touches no WAITING ticket (rule 24)."""
    resolution = book.clocks.get(Metric.RESOLUTION)
    if resolution is not None:
        book.pause(resolution)
    steps.cancel(book.session, book.open, book.at)


def _work_on(book: ClockBook) -> None:
    resolution = book.clocks.get(Metric.RESOLUTION)
    if resolution is not None:
        book.resume(resolution)
    steps.resume(book.session, book.running, book.at)


def _stop(book: ClockBook, clocks: Sequence[SLAClock], reason: str) -> None:
    for clock in clocks:
        book.stop(clock, reason)
    steps.cancel(book.session, clocks, book.at)


def _drop(book: ClockBook, clocks: Sequence[SLAClock]) -> None:
    """End clocks that nothing is promised for any more, but by a person (SLA rule 19)."""
    _stop(book, [clock for clock in clocks if not clock.timing.is_due_by_hand], NO_TARGET)


def _follow_promises(book: ClockBook, clocks: Sequence[SLAClock], cause: str) -> None:
    """Give open clocks the targets and steps that their policy has for the ticket's priority."""
    versions = {clock.policy_version_id for clock in clocks}
    promises = promised(book.session, book.ticket.id, versions) if versions else {}
    kept: list[tuple[SLAClock, Promise]] = []
    dropped: list[SLAClock] = []
    for clock in clocks:
        promise = promises.get((clock.policy_version_id, clock.metric))
        if promise is None:
            dropped.append(clock)
        else:
            book.retarget(clock, promise, cause)
            kept.append((clock, promise))
    _drop(book, dropped)
    steps.redefine(book.session, kept, book.at)


def _plan_anew(book: ClockBook) -> None:
    if book.is_worked_on:
        steps.resume(book.session, book.running, book.at)


def _begin_what_is_missing(book: ClockBook) -> None:
    missing = [
        metric
        for metric in (Metric.FIRST_RESPONSE, Metric.RESOLUTION)
        if metric not in book.clocks or book.clocks[metric].stopped_reason == NO_TARGET
    ]
    if Metric.FIRST_RESPONSE in missing and staff_has_spoken(book.session, book.ticket.id):
        missing.remove(Metric.FIRST_RESPONSE)
    if _lacks_next_response(book):
        missing.append(Metric.NEXT_RESPONSE)
    if missing:
        book.begin(choose(book.session, book.ticket.id), missing)
        if not book.is_worked_on:
            _wait(book)


def _lacks_next_response(book: ClockBook) -> bool:
    """Whether a customer waits for an answer that was not promised when they spoke."""
    first, following = (
        book.clocks.get(metric) for metric in (Metric.FIRST_RESPONSE, Metric.NEXT_RESPONSE)
    )
    if any(clock is not None and clock.timing.is_open for clock in (first, following)):
        return False
    # A trigger's, which a reply in this transaction has moved.
    book.session.refresh(book.ticket, ["customer_spoke_last"])
    if not book.ticket.customer_spoke_last:
        return False
    is_answered = first is not None and first.met_at is not None
    if not (is_answered or staff_has_spoken(book.session, book.ticket.id)):
        return False
    # It may have been a last word; what was none went on with the reopening.
    return not was_closed_since_customer_spoke(book.session, book.ticket.id)
