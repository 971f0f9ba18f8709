"""What workers do for lists; each task is safe to run twice."""

from celery import shared_task

from lists import form_counts, growth, importing, undoing


@shared_task
def run_import(import_id: int) -> None:
    importing.run(import_id)


@shared_task
def undo_import(import_id: int) -> None:
    undoing.undo(import_id)


@shared_task
def sweep_imports() -> None:
    for import_id in importing.stuck():
        run_import.delay(import_id)
    for import_id in undoing.stuck():
        undo_import.delay(import_id)
    importing.forget_abandoned()
    undoing.forget_old()


@shared_task
def fold_form_counts() -> None:
    form_counts.fold()


@shared_task
def count_large_lists() -> None:
    growth.count_large()


@shared_task
def write_list_days() -> None:
    growth.write_days()
