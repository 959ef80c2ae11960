"""Checks an incident's evidence: verify-evidence.py FILE.json [PUBLIC-KEY]

Each seal is the SHA-256 of the seal before it (64 zeros for the first) and the fact as JSON, keys in order, without spaces. The fact is
sealed, not the sentence beside it: sentences may get better words, what happened stays.

The signature (Ed25519, RFC 8032) is over "buckler-evidence-1", a line feed, and the file without "signature" as JSON, keys in order,
without spaces. It proves that the file is as the server with that key wrote it. Give the key that "buckler evidence key" printed, kept
elsewhere: without it the file is only checked against the key inside it, which a forger can replace.
"""
import base64
import hashlib
import json
import sys

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def x_of(y, sign):
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P)
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P or y >= P or (x == 0 and sign):
        raise ValueError("no point of the curve")
    return P - x if x % 2 != sign else x


def point(data):
    number = int.from_bytes(data, "little")
    y = number % 2**255
    x = x_of(y, number >> 255)
    return x, y, 1, x * y % P


def add(one, other):
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c, d = 2 * one[3] * other[3] * D % P, 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(factor, base):
    result = (0, 1, 1, 0)
    while factor:
        if factor % 2:
            result = add(result, base)
        base, factor = add(base, base), factor // 2
    return result


def is_signed(key, message, signature):
    if len(key) != 32 or len(signature) != 64:
        return False
    s = int.from_bytes(signature[32:], "little")
    if s >= L:
        return False
    try:
        a, r = point(key), point(signature[:32])
    except ValueError:
        return False
    y = 4 * pow(5, P - 2, P) % P
    x = x_of(y, 0)
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    left, right = times(s, (x, y, 1, x * y % P)), add(r, times(h, a))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def once(pairs):
    fields = dict(pairs)
    if len(fields) != len(pairs):
        sys.exit("the file has a field twice, which readers may read in two ways")
    return fields


def main():
    evidence = json.load(open(sys.argv[1], encoding="utf-8"), object_pairs_hook=once)
    before = "0" * 64
    for number, event in enumerate(evidence["events"], 1):
        seal = hashlib.sha256((before + canonical(event["fact"])).encode()).hexdigest()
        if seal != event["hash"] or number != event["seq"] or event["fact"]["at"] != event["at"] and event["fact"]["what"] != "reported":
            sys.exit(f"line {number} is not what was sealed")
        before = seal
    expected = sys.argv[2] if len(sys.argv) > 2 else None
    signature = evidence.pop("signature", None)
    if signature is None:
        if expected:
            sys.exit("the file is not signed")
        print("not signed")
    else:
        if expected and signature["public_key"] != expected:
            sys.exit(f"signed with another key: {signature['public_key']}")
        key, value = base64.b64decode(signature["public_key"]), base64.b64decode(signature["value"])
        if signature["algorithm"] != "Ed25519" or not is_signed(key, b"buckler-evidence-1\n" + canonical(evidence).encode(), value):
            sys.exit("the file is not as it was signed")
        print(f"signed with {'the expected key' if expected else signature['public_key'] + ', which was not checked'}")
    print(f"{len(evidence['events'])} lines are as they were sealed; the last seal is {before}")


main()
