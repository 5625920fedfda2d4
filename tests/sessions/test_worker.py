from __future__ import annotations

import gc
import threading
import time
import weakref

from workbench.sessions.worker import Worker


def thread_of(name: str) -> threading.Thread | None:
    return next((t for t in threading.enumerate() if t.name == name), None)


def gone(name: str) -> bool:
    thread = thread_of(name)
    if thread is not None:
        thread.join(5)
    return thread is None or not thread.is_alive()


def test_jobs_are_done_in_order_on_one_thread() -> None:
    worker, seen, done = Worker("in-order"), [], threading.Event()
    for number in range(50):
        worker.do(lambda number=number: seen.append((number, threading.get_ident())))
    worker.do(done.set)
    assert done.wait(5)
    assert [n for n, _ in seen] == list(range(50))
    assert len({ident for _, ident in seen}) == 1


def test_it_has_no_thread_before_its_first_job() -> None:
    worker = Worker("unborn")
    assert thread_of("unborn") is None
    worker.close()


def test_close_ends_the_thread_after_the_jobs_given_before() -> None:
    worker, seen = Worker("closing"), []
    worker.do(lambda: time.sleep(0.05))
    worker.do(lambda: seen.append(1))
    worker.close()
    assert gone("closing")
    assert seen == [1]


def test_letting_go_of_it_ends_the_thread_without_a_garbage_collection() -> None:
    gc.disable()
    try:
        worker, done = Worker("let-go"), threading.Event()
        worker.do(done.set)
        assert done.wait(5)
        del worker
        assert gone("let-go")
    finally:
        gc.enable()


def test_a_done_job_is_let_go() -> None:
    class Thing:
        def job(self) -> None:
            done.set()

    done, idle = threading.Event(), threading.Event()
    worker, thing = Worker("lets-go"), Thing()
    freed = threading.Event()
    weakref.finalize(thing, freed.set)
    worker.do(thing.job)
    assert done.wait(5)
    del thing
    worker.do(idle.set)
    assert idle.wait(5)
    assert freed.wait(5)
    worker.close()
