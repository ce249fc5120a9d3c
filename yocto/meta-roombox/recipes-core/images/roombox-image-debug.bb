SUMMARY = "The image for a developer's desk: root shell, ssh, gdb"
HOMEPAGE = "https://roombox.example.org"

require roombox-image.inc

# nooelint: oelint.var.badimagefeature.allow-empty-password,oelint.var.badimagefeature.allow-root-login,oelint.var.badimagefeature.empty-root-password,oelint.var.badimagefeature.tools-debug - on a desk only; the release image has none of it
IMAGE_FEATURES += "allow-root-login allow-empty-password empty-root-password ssh-server-dropbear tools-debug"
IMAGE_INSTALL += "roombox-debug strace v4l-utils alsa-utils htop"
