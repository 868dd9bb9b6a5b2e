#!/usr/bin/env python3
"""Runs a shell script, writes what it says to a file, and prints seconds, its CPU seconds, those of the whole machine meanwhile (what the
kernel unpacks in threads of its own is in no child's account), peak memory of its largest process in MiB and its exit code:
measure.py SCRIPT OUTPUT."""
import os, resource, subprocess, sys, time

TICKS = os.sysconf("SC_CLK_TCK")


def machine():
    """CPU seconds since the machine started: user, nice, system, irq, softirq of proc(5); neither idle nor waiting."""
    with open("/proc/stat") as file:
        user, nice, system, _, _, irq, softirq = map(int, file.readline().split()[1:8])
    return (user + nice + system + irq + softirq) / TICKS


with open(sys.argv[2], "wb") as output:
    before, start = machine(), time.monotonic()
    code = subprocess.run(["bash", "-euo", "pipefail", "-c", sys.argv[1]], stdout=output).returncode
    wall, after = time.monotonic() - start, machine()
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{wall:.2f} {used.ru_utime + used.ru_stime:.2f} {after - before:.2f} {used.ru_maxrss >> 10} {code}")
