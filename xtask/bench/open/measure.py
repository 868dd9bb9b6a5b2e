#!/usr/bin/env python3
"""Runs a shell script, writes what it says to a file, and prints seconds, CPU seconds, peak memory of its largest process in MiB and its
exit code: measure.py SCRIPT OUTPUT."""
import resource, subprocess, sys, time

with open(sys.argv[2], "wb") as output:
    start = time.monotonic()
    code = subprocess.run(["bash", "-euo", "pipefail", "-c", sys.argv[1]], stdout=output).returncode
    wall = time.monotonic() - start
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{wall:.2f} {used.ru_utime + used.ru_stime:.2f} {used.ru_maxrss >> 10} {code}")
