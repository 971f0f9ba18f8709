from django.db import migrations, models

# An alarm that is on stays on: without the time of the last mail it would be called off.
FROM_TALLIES = """
    UPDATE sending_sesaccount a SET last_sent_at = t.at
    FROM (
        SELECT b.ses_account_id, max(t.pulse_at) AS at
        FROM sending_batchtally t JOIN sending_batch b ON b.id = t.batch_id GROUP BY 1
    ) t
    WHERE a.id = t.ses_account_id
"""


class Migration(migrations.Migration):
    dependencies = [("sending", "0014_alarms")]

    operations = [
        migrations.AddField(
            model_name="sesaccount", name="last_sent_at", field=models.DateTimeField(null=True)
        ),
        migrations.RunSQL(FROM_TALLIES, migrations.RunSQL.noop),
    ]
