"""What somebody on this network finds of boxes, by zeroconf: names to ask for as arguments, JSON out.

Runs in the network that is looked at."""

import json
import sys
import time

from zeroconf import AddressResolver, ServiceBrowser, Zeroconf

KIND = "_roombox._tcp.local."
# RFC 6762 §6: answers that others may give too come within 120 ms; probing and announcing take 2 s.
LISTENS = 3.0


class Found:
    def __init__(self):
        self.names = set()

    def add_service(self, _, __, name):
        self.names.add(name)

    def remove_service(self, _, __, name):
        self.names.discard(name)

    update_service = add_service


def main(names):
    found = Found()
    with Zeroconf() as network:
        ServiceBrowser(network, KIND, found)
        time.sleep(LISTENS)
        boxes = []
        for name in sorted(found.names):
            if info := network.get_service_info(KIND, name, 3000):
                facts = {key.decode(): value.decode() for key, value in info.properties.items()}
                boxes.append({"name": name.removesuffix("." + KIND), "host": info.server, "port": info.port,
                              "addresses": info.parsed_addresses(), "facts": facts})
        addresses = {}
        for name in names:
            resolver = AddressResolver(name + ".")
            addresses[name] = resolver.parsed_addresses() if resolver.request(network, 3000) else []
    print(json.dumps({"boxes": boxes, "addresses": addresses}))


if __name__ == "__main__":
    main(sys.argv[1:])
