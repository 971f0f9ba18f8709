"""An import counts the rows that its file says not to mail."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("lists", "0013_places_without_number")]

    operations = [
        migrations.AddField(
            model_name="import",
            name="stopped",
            field=models.BigIntegerField(default=0, help_text="rows whose status stops mail"),
        ),
        migrations.AddField(
            model_name="import",
            name="unconfirmed",
            field=models.BigIntegerField(default=0, help_text="rows whose status awaits a yes"),
        ),
    ]
