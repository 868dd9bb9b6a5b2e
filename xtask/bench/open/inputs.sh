#!/bin/bash
# Makes the inputs of `cargo xtask bench open` from a folder of files: an image of each kind, and what must be read of it.
#
#   inputs.sh TREE FOLDER [ext4 sparse erofs_lz4 erofs_lzma super payload]
#
# Real tools where there are any: mke2fs, img2simg, mkfs.erofs (that of the next Debian release for LZMA). Of super images and payloads
# the writers of the fixtures' scripts: no tool that makes them is packaged. Needs root, and room for about five times TREE.
here=$(realpath "$(dirname "$0")")
tree=$(realpath "$1") folder=$(realpath -m "$2")
kinds=("${@:3}")
[ ${#kinds[@]} -gt 0 ] || kinds=(ext4 sparse erofs_lz4 erofs_lzma super payload)
source "$here/../../../fixtures/filesystems/common.sh"
needs e2fsprogs erofs-utils android-sdk-libsparse-utils
mkdir -p "$folder"
(cd "$tree" && find . -type f -print0 | sort -z | xargs -0 sha256sum) >"$folder/expected.sha256"
# What the others are made of; with a little room, in steps of a block.
raw() {
  [ -f "$folder/ext4.img" ] && return
  truncate -s "$(($(du -sm --apparent-size "$tree" | cut -f1) * 11 / 10 + 64))M" "$folder/ext4.img"
  mke2fs -q -t ext4 -b 4096 -O ^has_journal -d "$tree" "$folder/ext4.img"
}
for kind in "${kinds[@]}"; do
  case $kind in
  ext4) raw ;;
  sparse) raw; img2simg "$folder/ext4.img" "$folder/sparse.simg" ;;
  erofs_lz4) mkfs.erofs --quiet -zlz4hc,9 -T1514764800 "$folder/erofs_lz4.img" "$tree" ;;
  erofs_lzma)
    newer erofs-utils libselinux1 libpcre2-8-0 libuuid1 liblz4-1 liblzma5 zlib1g libdeflate0 libzstd1 libxxhash0
    newly usr/bin/mkfs.erofs --quiet -zlzma,1 -C65536 -T1514764800 "$folder/erofs_lzma.img" "$tree"
    ;;
  super | payload) raw; python3 "$here/packages.py" $kind "$folder/ext4.img" "$folder" ;;
  esac
  ls -l "$folder" | tail -n +2
done
