"""How form fields are drawn: native controls, enhanced in the browser where that helps.

Flask-Admin's fields name widgets made for jQuery plug-ins. `render_widget`
draws a native one in their place, so nobody has to change a form; a form that
needs a time of day uses `DateTimeLocalField`, or `TablerModelConverter` for a
whole model.
"""

from typing import Any

from flask import url_for
from flask_admin.contrib.sqla.form import AdminModelConverter
from flask_admin.form import fields as admin_fields
from flask_admin.form import widgets as admin_widgets
from flask_admin.model import widgets as model_widgets
from flask_admin.model.form import converts
from flask_babel import gettext
from markupsafe import Markup
from wtforms import Field, widgets

#: How many choices a reference field offers before anything is typed. They are
#: all there is to choose from without JavaScript.
FIRST_CHOICES = 20

#: What Flask-Admin's select fields take for "nothing chosen".
BLANK = "__None"

_GROUPS = {"CheckboxListField", "FieldList", "FormField", "RadioField"}


def _escaped(html: Any) -> Markup:
    """Mark as HTML what WTForms or `html_params` has escaped already."""
    return Markup(html)  # noqa: S704


class DateTimeLocalInput(widgets.DateTimeLocalInput):
    """A native date and time input, to the second."""

    def __call__(self, field: Field, **kwargs: Any) -> Markup:
        """Draw the field."""
        kwargs.setdefault("step", "1")
        html: Markup = super().__call__(field, value=field._value().replace(" ", "T", 1), **kwargs)
        return html


class DateTimeLocalField(admin_fields.DateTimeField):
    """A date and time, read back as browsers send it and as people write it."""

    widget = DateTimeLocalInput()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take what WTForms' own field takes; the formats are ours."""
        super().__init__(*args, **kwargs)
        days = "%Y-%m-%d"
        clocks = ("%H:%M:%S", "%H:%M", "%H:%M:%S.%f")
        self.format = [f"{days}T{clock}" for clock in clocks]
        self.strptime_format = [*self.format, *(f"{days} {clock}" for clock in clocks)]


class TimeInput(widgets.TimeInput):
    """A native time input, to the second."""

    def __call__(self, field: Field, **kwargs: Any) -> Markup:
        """Draw the field."""
        kwargs.setdefault("step", "1")
        html: Markup = super().__call__(field, **kwargs)
        return html


class TablerModelConverter(AdminModelConverter):
    """Makes a model's form with native date and time fields."""

    @converts("DateTime", "TIMESTAMP")
    def convert_datetime(self, field_args: dict[str, Any], **extra: Any) -> DateTimeLocalField:
        """Make the field of a date and time column."""
        return DateTimeLocalField(**field_args)


class TypeaheadSelect:
    """A select of the present choice and the first few others, searched on the server as one types."""

    def __init__(self, *, multiple: bool = False) -> None:
        """Say whether several may be chosen."""
        self.multiple = multiple

    def __call__(self, field: Any, **kwargs: Any) -> Markup:
        """Draw the field."""
        kwargs.setdefault("id", field.id)
        kwargs["data-typeahead-url"] = url_for(".ajax_lookup", name=field.loader.name)
        kwargs["placeholder"] = str(
            field.loader.options.get("placeholder") or gettext("Type to search")
        )
        if self.multiple:
            kwargs["multiple"] = True
        options = [
            Markup("<option {}>{}</option>").format(
                _escaped(widgets.html_params(value=value, selected=selected)), label
            )
            for value, label, selected in self.choices(field)
        ]
        attributes = widgets.html_params(name=field.name, **kwargs)
        return _escaped(f"<select {attributes}>{''.join(options)}</select>")

    def choices(self, field: Any) -> list[tuple[str, str, bool]]:
        """Return value, label and whether chosen: the chosen first, then the first few."""
        chosen = (field.data or []) if self.multiple else [field.data]
        pairs = [field.loader.format(row) for row in chosen if row is not None]
        found = [(str(value), str(label), True) for value, label in pairs]
        if not self.multiple and (field.allow_blank or not found):
            blank = (BLANK, str(field.blank_text or "–")) if field.allow_blank else ("", "")
            found.insert(0, (*blank, not pairs))
        known = {value for value, _, _ in found}
        for row in field.loader.get_list("", offset=0, limit=FIRST_CHOICES):
            value, label = field.loader.format(row)
            if str(value) not in known:
                found.append((str(value), str(label), False))
        return found


class EditableCell:
    """A cell of a list that opens into a small form; it posts where Flask-Admin listens."""

    def __call__(self, field: Field, **kwargs: Any) -> Markup:
        """Draw the cell."""
        shown = kwargs.pop("display_value", "")
        row, token = str(kwargs.pop("pk")), kwargs.pop("csrf", "")
        name = gettext("Edit %(label)s", label=field.label.text)
        # The list's form replaced the widget of each field; its class still has its own.
        widget = native_widget(type(field).widget)
        attributes = {"class": css_class(widget), "aria-label": name}
        control = widget(field, id=f"{field.id}-{row}", **attributes)
        return Markup(
            '<details class="menu editable-cell"><summary title="{name}">{shown}</summary>'
            '<form class="menu-panel card card-body" method="post" action="{url}" data-editable>'
            '<input type="hidden" name="csrf_token" value="{token}">'
            '<input type="hidden" name="list_form_pk" value="{row}">{control}'
            '<button class="btn btn-primary btn-sm mt-2" type="submit">{save}</button>'
            "</form></details>"
        ).format(
            name=name,
            shown=shown or "–",
            url=url_for(".ajax_update"),
            token=token,
            row=row,
            control=_escaped(control),
            save=gettext("Save"),
        )


class TagsInput(widgets.TextInput):
    """Words with commas between them, drawn as tags where the browser can."""

    def __call__(self, field: Field, **kwargs: Any) -> Markup:
        """Draw the field."""
        kwargs["data-tags"] = True
        return super().__call__(field, **kwargs)


def native_widget(widget: Any) -> Any:
    """Return what draws a field: a native widget in place of a jQuery plug-in's."""
    if isinstance(widget, model_widgets.AjaxSelect2Widget):
        return TypeaheadSelect(multiple=widget.multiple)
    if isinstance(widget, admin_widgets.Select2Widget):
        return widgets.Select(multiple=widget.multiple)
    if isinstance(widget, admin_widgets.Select2TagsWidget):
        return TagsInput()
    if isinstance(widget, admin_widgets.DatePickerWidget):
        return widgets.DateInput()
    if isinstance(widget, admin_widgets.TimePickerWidget):
        return TimeInput()
    if isinstance(widget, admin_widgets.DateTimePickerWidget):
        return widgets.TextInput()
    return widget


def css_class(widget: Any) -> str:
    """Return the class that Tabler wants on a control."""
    if isinstance(widget, widgets.Select | TypeaheadSelect):
        return "form-select"
    kind = getattr(widget, "input_type", "")
    if kind in ("checkbox", "radio"):
        return "form-check-input"
    return "" if kind in ("hidden", "submit") else "form-control"


def field_errors(field: Field) -> list[str]:
    """Return what is wrong with a field in words; lazy texts too, but not the parts' own errors."""
    return [str(error) for error in field.errors if not isinstance(error, (dict, list, tuple))]


def field_kind(field: Field) -> str:
    """Return how a field is laid out: hidden, checkbox, submit, group (a fieldset) or control."""
    input_type = getattr(field.widget, "input_type", "")
    if input_type in ("hidden", "checkbox", "submit"):
        return str(input_type)
    names = {kind.__name__ for kind in type(field).__mro__}
    return "group" if names & _GROUPS else "control"


def render_widget(field: Field, **kwargs: Any) -> Markup:
    """Draw a field's control with the theme's classes; a `class` given is added to them."""
    if isinstance(field.widget, model_widgets.XEditableWidget):
        return EditableCell()(field, **kwargs)
    given = {name: value for name, value in kwargs.items() if value is not None}
    if field_kind(field) in ("group", "hidden"):
        return _escaped(field(**given))
    widget = native_widget(field.widget)
    attributes = {**(field.render_kw or {}), **given}
    attributes["class"] = f"{css_class(widget)} {attributes.get('class', '')}".strip()
    return _escaped(widget(field, **attributes))
