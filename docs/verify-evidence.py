"""Checks the seals of an incident's evidence: verify-evidence.py FILE.json

Each seal is the SHA-256 of the seal before it (64 zeros for the first) and the fact as JSON, keys in order, without spaces. The fact is
sealed, not the sentence beside it: sentences may get better words, what happened stays.
"""
import hashlib
import json
import sys

events = json.load(open(sys.argv[1], encoding="utf-8"))["events"]
before = "0" * 64
for number, event in enumerate(events, 1):
    fact = json.dumps(event["fact"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    seal = hashlib.sha256((before + fact).encode()).hexdigest()
    if seal != event["hash"] or number != event["seq"] or event["fact"]["at"] != event["at"] and event["fact"]["what"] != "reported":
        sys.exit(f"line {number} is not what was sealed")
    before = seal
print(f"{len(events)} lines are as they were sealed; the last seal is {before}")
