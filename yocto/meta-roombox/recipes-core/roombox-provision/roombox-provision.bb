SUMMARY = "Hands roombox.toml to the daemon and scrubs it"
HOMEPAGE = "https://roombox.example.org"

inherit roombox_tree

SYSTEMD_SERVICE:${PN} = "roombox-provision.service roombox-provision-result.path roombox-provision-result.service"
RDEPENDS:${PN} = "roomboxd util-linux-mount"
