"""What beat rings, and how often. Each entry names a task that is safe to run twice."""

BEAT_SCHEDULE: dict[str, dict[str, object]] = {
    "start again imports whose worker is gone": {
        "task": "lists.tasks.sweep_imports",
        "schedule": 60.0,
    },
    "start again imports of suppressions whose worker is gone": {
        "task": "lists.tasks.sweep_suppression_imports",
        "schedule": 60.0,
    },
    "store what came of sign-up forms": {
        "task": "lists.tasks.fold_form_counts",
        "schedule": 60.0,
        "options": {"expires": 60.0},
    },
    "count lists that are too large for their pages to count": {
        "task": "lists.tasks.count_large_lists",
        "schedule": 60.0,
        "options": {"expires": 60.0},
    },
    "write down how lists grew today": {
        "task": "lists.tasks.write_list_days",
        "schedule": 900.0,
        "options": {"expires": 900.0},
    },
    "start again bulk actions whose worker is gone": {
        "task": "lists.tasks.sweep_bulk",
        "schedule": 60.0,
    },
    "write the text that new and changed contacts are searched by": {
        "task": "lists.tasks.refresh_search",
        "schedule": 10.0,
        "options": {"expires": 10.0},
    },
    "translate events whose ring was lost": {
        "task": "webhooks.tasks.ring_for_lost_events",
        "schedule": 15.0,
        "options": {"expires": 15.0},
    },
    "confirm subscriptions whose call was lost": {
        "task": "webhooks.tasks.confirm_subscriptions",
        "schedule": 15.0,
    },
    "mail the digests of bounces and complaints": {
        "task": "webhooks.tasks.mail_digests",
        "schedule": 60.0,
    },
    "fetch what SNS could not deliver: every two minutes where events are missing, else hourly": {
        "task": "webhooks.tasks.fetch_dead_letters",
        "schedule": 60.0,
        "options": {"expires": 60.0},
    },
    "notice when mail leaves and no event comes back": {
        "task": "webhooks.tasks.watch_events",
        "schedule": 60.0,
        "options": {"expires": 60.0},
    },
    "forget SNS messages of two weeks ago": {
        "task": "webhooks.tasks.forget_old_messages",
        "schedule": 86_400.0,
    },
    "read quotas: each minute where mail leaves, else each quarter of an hour": {
        "task": "sending.tasks.read_quotas",
        "schedule": 60.0,
    },
    "keep suppressions and the lists of SES alike": {
        "task": "sending.tasks.mirror_suppressions",
        "schedule": 15.0,
        "options": {"expires": 15.0},
    },
    "ring lost mail again, expire claims, end parkings, finish batches": {
        "task": "sending.tasks.sweep",
        "schedule": 10.0,
        "options": {"expires": 10.0},
    },
    "look at the DNS of domains: new ones each five minutes, the others each four hours": {
        "task": "sending.tasks.watch_domains",
        "schedule": 60.0,
        "options": {"expires": 60.0},
    },
    "mail that records of a domain broke": {
        "task": "sending.tasks.mail_domain_alerts",
        "schedule": 60.0,
    },
    "launch campaigns whose time has come": {
        "task": "campaigns.tasks.launch_scheduled",
        "schedule": 10.0,
        "options": {"expires": 10.0},
    },
    "mail what happened to campaigns": {
        "task": "campaigns.tasks.mail_alerts",
        "schedule": 15.0,
    },
    "forget messages of an age that their workspace no longer keeps": {
        "task": "sending.tasks.forget_old_messages",
        "schedule": 60.0,
        "options": {"expires": 60.0},
    },
    "count the mails of ended campaigns as engagement": {
        "task": "sending.tasks.fold_engagement",
        "schedule": 60.0,
        "options": {"expires": 60.0},
    },
    "forget idempotency keys of yesterday": {
        "task": "campaigns.tasks.forget_old_idempotency_keys",
        "schedule": 3600.0,
    },
    "mail what AWS decided about production access": {
        "task": "readiness.tasks.mail_decisions",
        "schedule": 15.0,
    },
    "write last month's report where a month has begun": {
        "task": "readiness.tasks.write_reports",
        "schedule": 3600.0,
        "options": {"expires": 3600.0},
    },
    "mail the monthly reports": {
        "task": "readiness.tasks.mail_reports",
        "schedule": 300.0,
    },
    "make one row of what several processes counted for reputation": {
        "task": "sending.tasks.gather_standing",
        "schedule": 3600.0,
        "options": {"expires": 3600.0},
    },
    "count which lists and imports the mails of campaigns went to": {
        "task": "reputation.tasks.count_sources",
        "schedule": 60.0,
        "options": {"expires": 60.0},
    },
}
