"""The look of every page: Tabler for Flask-Admin and for the pages beside it.

from emberone.web.theme import TablerTheme, ThemedIndexView, init_theme

init_theme(app, brand="EmberOne", search_endpoint="ticket.index_view")
Admin(app, theme=TablerTheme(), index_view=ThemedIndexView(), csp_nonce_generator=csp_nonce)
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask
from flask_admin import AdminIndexView
from flask_admin.theme import Theme
from jinja2 import BaseLoader, ChoiceLoader, FileSystemLoader

from emberone.web.theme import assets, filters, formats, marks, navigation, widgets
from emberone.web.theme.compression import init_compression
from emberone.web.theme.csp import csp_nonce, init_csp
from emberone.web.theme.errors import error_page, register_error_pages

__all__ = [
    "TablerTheme",
    "ThemedIndexView",
    "csp_nonce",
    "error_page",
    "init_theme",
    "register_error_pages",
]

TEMPLATES = Path(__file__).parent / "templates"


@dataclass
class TablerTheme(Theme):
    """What Flask-Admin is given as `theme`: its `admin/…` templates are ours, none are its own."""

    folder: str = str(TEMPLATES)
    base_template: str = "admin/base.html"


class ThemedIndexView(AdminIndexView):
    """Flask-Admin's first page without its route to the stock scripts and style sheets."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take what AdminIndexView takes."""
        super().__init__(*args, **kwargs)
        self.static_folder = None


@dataclass(frozen=True)
class ThemeState:
    """What one application told the theme about itself."""

    brand: str
    search_endpoint: str | None


def init_theme(app: Flask, *, brand: str = "EmberOne", search_endpoint: str | None = None) -> None:
    """Give the application the theme's templates, files, functions and security headers.

    The application's own `templates/` come first, the theme next, and those of
    other packages (Flask-Security's `security/login_user.html`) last.
    `search_endpoint` names the view that the top bar's search box asks with
    `?search=`.
    """
    app.extensions["theme"] = ThemeState(brand, search_endpoint)
    ours: BaseLoader = FileSystemLoader(TEMPLATES)
    app.jinja_loader = ChoiceLoader([app.jinja_loader, ours]) if app.jinja_loader else ours
    app.register_blueprint(assets.blueprint)
    app.jinja_env.globals.update(theme_brand=brand, theme_marks=marks)
    for function in (
        assets.asset_url,
        assets.icon_names,
        filters.filter_add_url,
        filters.filter_rows,
        formats.day_in_full,
        formats.file_size,
        formats.page_language,
        formats.time_iso,
        formats.time_full,
        formats.time_short,
        formats.time_with_day,
        formats.time_brief,
        formats.time_ago,
        formats.record_name,
        navigation.home_url,
        navigation.navigation,
        navigation.navigation_links,
        navigation.account,
        navigation.sign_out_url,
        navigation.search_url,
        widgets.field_errors,
        widgets.field_kind,
        widgets.render_widget,
    ):
        app.add_template_global(function)
    init_csp(app)
    init_compression(app)
