SUMMARY = "A root shell on the second serial line, in debug images only"
HOMEPAGE = "https://roombox.example.org"

inherit roombox_tree

SYSTEMD_SERVICE:${PN} = "roombox-debug-shell.service"
RDEPENDS:${PN} = "bash"
