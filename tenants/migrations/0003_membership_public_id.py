import uuid

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tenants", "0002_plain")]

    operations = [
        migrations.AddField(
            "membership", "public_id", models.UUIDField(default=uuid.uuid4, editable=False)
        ),
        # AddField gave every row the same value.
        migrations.RunSQL(
            "UPDATE tenants_membership SET public_id = gen_random_uuid()",
            migrations.RunSQL.noop,
        ),
        migrations.AlterField(
            "membership",
            "public_id",
            models.UUIDField(default=uuid.uuid4, editable=False, unique=True),
        ),
    ]
