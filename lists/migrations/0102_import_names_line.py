from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("lists", "0101_audience")]

    operations = [
        migrations.AddField(
            model_name="import",
            name="names_line",
            field=models.PositiveSmallIntegerField(default=1),
        ),
    ]
