"""The catalogue of letters: each kind as it would read for a ticket that there is, in the reader's language."""

from typing import Final

from flask import Response, abort, make_response
from flask_admin import expose
from flask_babel import get_locale

from emberone.db import db, now_of
from emberone.mail.kinds import Kind, all_kinds
from emberone.mail.rendering import Rendered
from emberone.mail.site import current_site
from emberone.queries import letter_samples, letters
from emberone.web.admin.base import Guarded, found
from emberone.web.admin.params import arguments
from emberone.web.session import current_actor

#: A letter's page runs nothing, loads nothing and stands only in our own frame.
_SANDBOX: Final = (
    "sandbox{links}; default-src 'none'; style-src 'unsafe-inline'; img-src data:;"
    " frame-ancestors 'self'"
)
#: What lets a link open a page of its own, and nothing else.
_LINKS: Final = " allow-popups allow-popups-to-escape-sandbox"


def framed(words: Rendered, *, opens_links: bool = False) -> Response:
    """The letter's page for a frame; its links lead somewhere only where that is allowed."""
    page = words.html.replace("<head>", '<head><base target="_blank">', 1)
    response = make_response(page)
    links = _LINKS if opens_links else ""
    response.headers["Content-Security-Policy"] = _SANDBOX.format(links=links)
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    response.headers["Cache-Control"] = "no-store"
    return response


class KindPages(Guarded):
    """Pages that write nothing: what each kind of letter says."""

    @expose("/kinds/")
    def kinds(self) -> str:
        """List the kinds of letters."""
        return self.render("panel/letter_kinds.html", kinds=all_kinds())

    @expose("/kinds/<letter>/")
    def kind(self, letter: str) -> str:
        """Show one kind as it would read for a ticket: the one asked for, or the newest fitting."""
        kind, number = self._asked(letter)
        return self.render(
            "panel/letter_kind.html",
            kind=kind,
            kinds=all_kinds(),
            number=number,
            is_about_tickets=letter in letter_samples.FITS,
            words=self._worded(letter, number),
        )

    @expose("/kinds/<letter>/preview/")
    def kind_preview(self, letter: str) -> Response:
        """The same in a frame, as a mail program would show it."""
        _, number = self._asked(letter)
        return framed(found(self._worded(letter, number)))

    def _asked(self, letter: str) -> tuple[Kind, int | None]:
        kind = next((kind for kind in all_kinds() if kind.letter == letter), None)
        if kind is None:
            abort(404)
        number = arguments().count("ticket")
        if number is None and letter in letter_samples.FITS:
            number = letter_samples.newest_fitting(db.session(), letter)
        return kind, number

    def _worded(self, letter: str, number: int | None) -> Rendered | None:
        reader_id = current_actor().profile_id
        assert reader_id is not None
        session = db.session()
        params = letter_samples.sample(session, letter, number, reader_id, now_of(session))
        if params is None:
            return None
        site, language = current_site().for_preview(), str(get_locale())
        return letters.worded(letter, params, site, language=language)
