"""Receiving centers and panels that are not ours.

    center.py receive PORT ACCOUNT [--udp] [--key KEY]    pysiaalarm; prints `ready`, then each event as a line of JSON
    center.py dial PORT ACCOUNT TYPE CODE [--udp] [--key KEY]    my-dc09-spt sends one event, and prints whether it was taken
    center.py again [--key KEY]    siadc09 reads frames from standard input and writes them again
"""
import argparse
import asyncio
import json
import sys

options = argparse.ArgumentParser()
options.add_argument("what", choices=["receive", "dial", "again"])
options.add_argument("rest", nargs="*")
options.add_argument("--udp", action="store_true")
options.add_argument("--key")
options = options.parse_args()


async def receive(port, account):
    from pysiaalarm.aio import CommunicationsProtocol, SIAAccount, SIAClient

    async def told(event):
        data = event.content.split("]")[0]
        print(json.dumps({"code": event.code, "content": data.split("|")[-1] if "|" in data else ""}), flush=True)

    # pysiaalarm asserts a class that Python 3.11 does not give to its transports of datagrams.
    asyncio.DatagramTransport = asyncio.BaseTransport
    protocol = CommunicationsProtocol.UDP if options.udp else CommunicationsProtocol.TCP
    client = SIAClient("127.0.0.1", int(port), [SIAAccount(account, options.key)], told, protocol=protocol)
    await client.async_start()
    print("ready", flush=True)
    await asyncio.Event().wait()


def dial(port, account, kind, code, zone="1"):
    from my_dc09_spt.dc09_spt import dc09_spt

    spt = dc09_spt(account, receiver=1, line=0)
    key = options.key.encode() if options.key else None
    spt.set_path("main", "primary", "127.0.0.1", int(port), account=account, key=key, type="UDP" if options.udp else "TCP")
    event = {"code": int(code), "q": 1, "zone": int(zone)} if kind == "ADM-CID" else {"code": code, "zone": int(zone), "area": 1}
    spt.send_msg(kind, event)
    print(json.dumps(spt.state()), flush=True)


def again():
    """Takes frames apart and puts them together again: hexadecimal digits in, hexadecimal digits and what was understood out."""
    from siadc09.account import Account
    from siadc09.message import parse_frame

    key = Account(key=options.key).key if options.key else None
    for line in sys.stdin:
        message = parse_frame(bytes.fromhex(line.strip()), key)
        print(json.dumps([message.encode(encrypt=message.encrypted).hex(), str(message)]), flush=True)


if options.what == "receive":
    asyncio.run(receive(*options.rest))
else:
    {"dial": dial, "again": again}[options.what](*options.rest)
