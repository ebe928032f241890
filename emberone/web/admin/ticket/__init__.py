"""The queue and the tickets in it.

| of the list | |
|---|---|
| `queue` | its page, whole or what is new on it |
| `filters`, `place` | what its address asks for, and how a ticket's address leads back to it |
| `lookup`, `bulk`, `new` | names offered while one types; many tickets at once; one more |

| of one ticket | |
|---|---|
| `page`, `open_page` | what its page shows, whole or what is new on it |
| `conversation`, `explanations`, `feedback` | its parts: what was said, why limits stand so, who was asked |
| `reply`, `drafts`, `macros`, `composing` | what is written on it |
| `change`, `closing`, `snoozing`, `due_times` | what else is done to it |

A view is a function of the panel's view and the ticket's number, exposed under the address
beside it; its name, after `ticket.`, is the endpoint that `access.ENDPOINTS` has a permission for.
"""

from emberone.web.admin.base import PanelView
from emberone.web.admin.ticket import (
    bulk,
    change,
    closing,
    drafts,
    due_times,
    lookup,
    macros,
    new,
    open_page,
    page,
    queue,
    reply,
    snoozing,
)


class TicketView(PanelView):
    """All that is reached below /admin/ticket/."""

    address = "ticket"
    views = (
        # The list.
        queue.index_view,
        queue.list_changes,
        queue.walk,
        queue.export,
        lookup.ajax_lookup,
        bulk.bulk,
        new.create_view,
        # The page of one.
        page.page,
        page.details_view,
        open_page.changes,
        open_page.seen,
        open_page.unread,
        # What is written on it.
        reply.respond,
        drafts.draft,
        drafts.take_back,
        drafts.send_again,
        drafts.discard,
        drafts.remove_file,
        macros.fill,
        # What else is done to it.
        change.take,
        change.change,
        change.delete_view,
        closing.close,
        closing.reopen,
        closing.dismiss,
        snoozing.snooze,
        snoozing.wake,
        due_times.promise,
        due_times.unpromise,
    )
