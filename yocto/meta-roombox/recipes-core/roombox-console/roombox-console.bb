SUMMARY = "Address and claim code on every console"
HOMEPAGE = "https://roombox.example.org"

inherit roombox_tree

SYSTEMD_SERVICE:${PN} = "roombox-console.path"
RDEPENDS:${PN} = "roomboxd"
