"""Every tag and filter that a page is composed of, as one library; docs/style.md tells how."""

from django import template

from bluefox.templatetags import ui_blocks, ui_forms, ui_pieces, ui_tables, ui_values

register = template.Library()

for part in (ui_values, ui_forms, ui_tables, ui_blocks, ui_pieces):
    register.tags.update(part.register.tags)
    register.filters.update(part.register.filters)
