"""In which language a page speaks: the person's choice, else what the browser asks for.

With one language there is nothing to choose, and nothing is asked of anybody.
"""

from babel.support import NullTranslations, Translations
from flask import Flask, g, has_request_context, request
from flask_babel import Babel, get_locale, get_translations

from emberone import languages
from emberone.web.session import current_profile
from emberone.web.zone import zone_of_browser


def init_language(app: Flask) -> None:
    """Let Flask-Babel speak the languages that have a catalogue, in the reader's zone."""
    Babel(
        app,
        locale_selector=_chosen,
        timezone_selector=zone_of_browser,
        default_translation_directories=str(languages.folder()),
        default_domain=languages.DOMAIN,
    )
    _let_templates_look_up_quickly(app)


def _let_templates_look_up_quickly(app: Flask) -> None:
    """Keep each language's catalogue at hand: a page has a hundred texts and more.

    Flask-Babel asks for domain, context and language again for every one of them.
    """
    known: dict[str, Translations | NullTranslations] = {}

    def catalogue() -> Translations | NullTranslations:
        language = str(get_locale())
        if language not in known:
            known[language] = get_translations()
        return known[language]

    app.jinja_env.install_gettext_callables(
        gettext=lambda text: catalogue().ugettext(text),
        ngettext=lambda one, many, number: catalogue().ungettext(one, many, number),
        newstyle=True,
        pgettext=lambda context, text: catalogue().upgettext(context, text),
        npgettext=lambda context, one, many, number: catalogue().unpgettext(
            context, one, many, number
        ),
    )


def _chosen() -> str:
    if len(languages.available()) == 1 or not has_request_context():
        return languages.ENGLISH
    # Only who was asked for already: an error page wants nobody loaded.
    profile = current_profile() if "_login_user" in g else None
    wanted = [profile.language] if profile and profile.language else []
    wanted += [code for code, _ in request.accept_languages]
    return languages.best(wanted) or languages.ENGLISH


def language_of_a_newcomer() -> str | None:
    """The language that someone registers in, to be kept; None where there is only one."""
    return str(get_locale()) if len(languages.available()) > 1 else None
