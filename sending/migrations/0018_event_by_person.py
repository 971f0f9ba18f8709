from django.db import migrations, models

OF_THEIR_MESSAGES = """
    UPDATE sending_messageevent v SET batch_id = m.batch_id, contact_id = m.contact_id
    FROM sending_message m
    WHERE m.id = v.message_id AND v.kind IN ('open', 'click') AND v.subtype = 'person'
"""


class Migration(migrations.Migration):
    dependencies = [("sending", "0017_counted_once")]

    operations = [
        migrations.AddField(
            model_name="messageevent",
            name="batch_id",
            field=models.BigIntegerField(
                help_text="of the message, for opens and clicks", null=True
            ),
        ),
        migrations.AddField(
            model_name="messageevent",
            name="contact_id",
            field=models.BigIntegerField(help_text="as batch_id; may have gone since", null=True),
        ),
        migrations.RunSQL(OF_THEIR_MESSAGES, migrations.RunSQL.noop),
        migrations.RemoveIndex(model_name="messageevent", name="event_of_person"),
        migrations.AddIndex(
            model_name="messageevent",
            index=models.Index(
                condition=models.Q(("kind__in", ["open", "click"]), ("subtype", "person")),
                fields=["batch_id", "kind", "contact_id"],
                name="event_by_person",
            ),
        ),
    ]
