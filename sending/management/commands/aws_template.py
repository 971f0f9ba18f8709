"""python manage.py aws_template > role.json: what AWS_TEMPLATE_URL must point at."""

import json
from typing import Any

from django.core.management.base import BaseCommand

from sending.ses.stack import template


class Command(BaseCommand):
    help = "Print the CloudFormation template of the role, to be put on S3."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(json.dumps(template(), indent=2))
