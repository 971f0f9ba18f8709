"""A list, made or changed."""

from django import forms

from lists.models import List


class ListForm(forms.ModelForm):
    """Reads and checks; the service saves."""

    class Meta:
        model = List
        fields = ("name", "description", "is_public", "double_opt_in")
        labels = {
            "is_public": "Shown on the preference page to everyone",
            "double_opt_in": "Sign-ups confirm by mail before they are mailed",
        }
        help_texts = {
            "name": "Readers see it on the preference page.",
            "description": "What they get and how often, for instance: product news, once a month.",
            "is_public": "Otherwise only its members see it there.",
            "double_opt_in": "Keep it on: AWS asks for it, and it keeps strangers' addresses out. "
            "Without it, a form makes new addresses members at once; who has left still confirms.",
        }
