from django.db import migrations, models

# A row of each provider becomes a shard of its own, beside those that processes use (0 to 7); the
# hourly gathering makes one row of them.
AS_SHARDS = """
    UPDATE sending_batchday SET
        heard = CASE WHEN provider = 1 THEN 0 ELSE sent END,
        shard = 8 + shard * 8 + provider
"""


class Migration(migrations.Migration):
    dependencies = [("sending", "0015_last_sent")]

    operations = [
        migrations.AddField(
            model_name="batchday",
            name="heard",
            field=models.IntegerField(
                db_default=0,
                default=0,
                help_text="of those sent, whose provider may report complaints",
            ),
        ),
        migrations.RunSQL(AS_SHARDS, migrations.RunSQL.noop),
        migrations.RemoveConstraint(model_name="batchday", name="batch_day_once"),
        migrations.RemoveField(model_name="batchday", name="provider"),
        migrations.AddConstraint(
            model_name="batchday",
            constraint=models.UniqueConstraint(
                fields=("batch", "day", "shard"), name="batch_day_once"
            ),
        ),
    ]
