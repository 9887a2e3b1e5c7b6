"""Two daemons at once: one state directory has one writer. The second leaves with status 75 before
it asks or writes anything; of two that start at the same moment exactly one stays."""

import subprocess

from world import BIN, World, expect, wait_until

STOCK = "cells/stock/cell.yaml"
IN_USE = 75  # EX_TEMPFAIL: another celld has it now


def start_another(world, number):
    """On the same state directory, with sockets and a log of its own."""
    settings = (world.directory / "celld.yaml").read_text()
    for name in ("celld.sock", "admin.sock"):
        settings = settings.replace(f"{world.directory}/{name}", f"{world.directory}/{number}-{name}")
    path = world.directory / f"celld-{number}.yaml"
    path.write_text(settings)
    log = open(world.directory / f"celld-{number}.log", "wb")
    process = subprocess.Popen([BIN / "celld", "--config", path], stderr=log, stdout=log,
                               env=world.environment)
    world.others.append(process)
    return process


def said(world, number):
    return (world.directory / f"celld-{number}.log").read_text(errors="replace")


def expect_turned_away(world, number, process):
    expect(process.wait(timeout=60) == IN_USE,
           f"the second celld left with {process.returncode}:\n{said(world, number)}")
    expect("another celld is using the journal" in said(world, number),
           f"it does not say why:\n{said(world, number)}")
    expect("revision is now" not in said(world, number), f"it acted:\n{said(world, number)}")


def main():
    with World() as world:
        world.use_small()
        world.start_standin()
        world.start_celld()
        revision = world.deploy("Declare everything")
        wait_until("it rolls out", lambda: len(world.writes()) > 10, explain=world.explain)
        for number in range(3):
            expect_turned_away(world, number, start_another(world, number))
        world.wait_converged(revision)

        # Nobody holds the journal, and three want it in the middle of a rollout.
        world.edit(STOCK, "stock:1.0.0", "stock:1.1.0")
        count = len(world.writes())
        revision = world.deploy("Release stock 1.1.0")
        wait_until("it is under way", lambda: len(world.writes()) > count, explain=world.explain)
        world.kill_celld()
        rivals = {number: start_another(world, number) for number in range(3, 6)}
        wait_until("all but one have left", lambda:
                   sum(process.poll() is None for process in rivals.values()) <= 1)
        stays = [number for number, process in rivals.items() if process.poll() is None]
        expect(len(stays) == 1, f"{len(stays)} stay")
        for number, process in rivals.items():
            if number not in stays:
                expect_turned_away(world, number, process)
        for name in ("celld.sock", "admin.sock"):
            (world.directory / name).unlink(missing_ok=True)
            (world.directory / name).symlink_to(world.directory / f"{stays[0]}-{name}")
        world.celld = rivals[stays[0]]
        wait_until("it answers", world.answers, 60)
        world.wait_converged(revision)
        dangers = world.api("GET", "/standin/stats")["dangers"]
        expect(not any(dangers.values()), f"something dangerous happened: {dangers}")


if __name__ == "__main__":
    main()
