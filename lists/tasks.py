"""What workers do for lists; each task is safe to run twice."""

from celery import shared_task

from lists import bulk, form_counts, growth, importing, searching, suppression_importing, undoing


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
def run_suppression_import(import_id: int) -> None:
    suppression_importing.run(import_id)


@shared_task
def sweep_suppression_imports() -> None:
    for import_id in suppression_importing.stuck():
        run_suppression_import.delay(import_id)


@shared_task
def fold_form_counts() -> None:
    form_counts.fold()


@shared_task
def count_large_lists() -> None:
    growth.count_large()


@shared_task
def write_list_days() -> None:
    growth.write_days()


@shared_task
def run_bulk(action_id: int) -> None:
    bulk.run(action_id)


@shared_task
def sweep_bulk() -> None:
    for action_id in bulk.stuck():
        run_bulk.delay(action_id)
    bulk.forget_changes()


@shared_task
def refresh_search() -> None:
    searching.refresh(seconds=20)
