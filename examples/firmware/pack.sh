#!/bin/bash
# pack.sh OUT: packs device/ in the shapes that firmware comes in. The bytes depend on device/ alone.
#   system.img                   a raw ext4 image
#   system.simg                  the same as an Android sparse image
#   system.img_sparsechunk.N     the same split in chunks, as fastboot sends it
#   chunks.zip                   the chunks in a zip
#   images.zip                   a zip of images, the system image sparse, as factory packages are
#   ota.zip                      a full-file update: files, and a script that makes links and sets owners, modes and labels
# pack.sh --fixtures: the small set for the tests, under fixtures/device/ (the raw images gzipped, the zips).
# pack.sh --check: compares that set with the committed one.
set -euo pipefail
[ $# = 1 ] || { echo "usage: pack.sh OUT | --fixtures | --check" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
. "$here/tools.sh"
case $1 in
    --*) out=$work/packed; rm -rf "$out" ;;
    *) out=$1 ;;
esac
mkdir -p "$out"
out=$(cd "$out" && pwd)
cd "$here"
install_packages e2fsprogs android-sdk-libsparse-utils zip gzip
export PATH=$PATH:/sbin:/usr/sbin
export E2FSPROGS_FAKE_TIME=$SOURCE_DATE_EPOCH
stage=$work/pack
rm -rf "$stage" && mkdir -p "$stage"

# mode PATH: what the maker's build gives a path below system/.
mode() {
    case $1 in
        bin) echo 0755 2000 ;;
        bin/*) echo 0755 2000 ;;
        *) if [ -d "device/system/$1" ]; then echo 0755 0; else echo 0644 0; fi ;;
    esac
}

# label PATH
label() {
    case $1 in
        bin/*) echo u:object_r:toolbox_exec:s0 ;;
        *) echo u:object_r:system_file:s0 ;;
    esac
}

paths() { (cd device/system && find . -mindepth 1 "$@" -printf '%P\n' | sort); }

# The image is written path by path, in order, so that nothing depends on the machine's own file system.
pack_ext4() {
    local image=$1 commands=$stage/debugfs.commands path bits group
    rm -f "$image"
    mke2fs -q -F -t ext4 -b 4096 -I 256 -m 0 -N 64 -L system -M /system -U 5f1d0f1d-0000-4000-8000-0123456789ab \
        -E hash_seed=5f1d0f1d-0000-4000-8000-0123456789ac,root_owner=0:0 \
        -O '^has_journal,^64bit,^metadata_csum,^flex_bg,^huge_file,^resize_inode,uninit_bg' "$image" 2M
    {
        paths | while read -r path; do
            read -r bits group <<< "$(mode "$path")"
            if [ -L "device/system/$path" ]; then
                echo "symlink /$path $(readlink "device/system/$path")"
                continue
            elif [ -d "device/system/$path" ]; then
                echo "mkdir /$path"
                echo "set_inode_field /$path mode 04$bits"
            else
                echo "write device/system/$path /$path"
                echo "set_inode_field /$path mode 010$bits"
            fi
            echo "set_inode_field /$path gid $group"
            echo "ea_set /$path security.selinux $(label "$path")"
        done
        # every time in the image is the build's
        for path in '' $(paths); do
            for field in ctime atime mtime crtime; do
                echo "set_inode_field /$path $field @$SOURCE_DATE_EPOCH"
            done
        done
    } > "$commands"
    debugfs -w -f "$commands" "$image" > "$stage/debugfs.log" 2>&1
    e2fsck -fn "$image" > "$stage/e2fsck.log" 2>&1 || { cat "$stage/e2fsck.log" >&2; exit 1; }
}

# zip_folder FOLDER OUT.zip
zip_folder() {
    rm -f "$2"
    find "$1" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
    (cd "$1" && find . -type f | sed 's,^\./,,' | sort | zip -q -X -9 "$2" -@)
}

pack_ota() {
    local folder=$stage/ota script path bits group
    script=$folder/META-INF/com/google/android/updater-script
    mkdir -p "$(dirname "$script")" "$folder/META-INF/com/android"
    paths -type f | while read -r path; do
        mkdir -p "$(dirname "$folder/system/$path")"
        cp "device/system/$path" "$folder/system/$path"
    done
    printf 'placeholder: the program that would run the script\n' > "$(dirname "$script")/update-binary"
    {
        echo 'post-build=ExampleBrand/fixture_one/fixture_one:6.0/MRA58K/1466640000:user/release-keys'
        echo "post-timestamp=$SOURCE_DATE_EPOCH"
        echo 'pre-device=fixture_one'
    } > "$folder/META-INF/com/android/metadata"
    {
        echo '(!less_than_int(1466640000, getprop("ro.build.date.utc"))) || abort("Can'"'"'t install this package over newer build.");'
        echo 'getprop("ro.product.device") == "fixture_one" || abort("This package is for \"fixture_one\" devices.");'
        echo 'ui_print("Installing the example firmware...");'
        echo 'show_progress(0.750000, 0);'
        echo 'format("ext4", "EMMC", "/dev/block/platform/fixture/by-name/system", "0", "/system");'
        echo 'mount("ext4", "EMMC", "/dev/block/platform/fixture/by-name/system", "/system", "");'
        echo 'package_extract_dir("system", "/system");'
        paths -type l | while read -r path; do
            echo "symlink(\"$(readlink "device/system/$path")\", \"/system/$path\");"
        done
        echo 'set_metadata_recursive("/system", "uid", 0, "gid", 0, "dmode", 0755, "fmode", 0644, "capabilities", 0x0, "selabel", "u:object_r:system_file:s0");'
        echo 'set_metadata_recursive("/system/bin", "uid", 0, "gid", 2000, "dmode", 0755, "fmode", 0755, "capabilities", 0x0, "selabel", "u:object_r:toolbox_exec:s0");'
        echo 'set_metadata("/system/bin", "uid", 0, "gid", 2000, "mode", 0755, "capabilities", 0x0, "selabel", "u:object_r:system_file:s0");'
        echo 'unmount("/system");'
    } > "$script"
    zip_folder "$folder" "$out/ota.zip"
}

pack_images() {
    local folder=$stage/images
    mkdir -p "$folder"
    cp "$stage/system.simg" "$folder/system.img"
    printf 'require board=fixture_one\n' > "$folder/android-info.txt"
    zip_folder "$folder" "$out/images.zip"
}

pack_ext4 "$stage/system.img"
img2simg "$stage/system.img" "$stage/system.simg"
mkdir -p "$stage/chunks"
simg2simg "$stage/system.simg" "$stage/chunks/system.img_sparsechunk" 49152
zip_folder "$stage/chunks" "$out/chunks.zip"
pack_images
pack_ota
case $1 in
    --*)
        for image in system.img system.simg; do
            gzip -9 -n -c "$stage/$image" > "$out/$image.gz"
        done ;;
    *)
        rm -f "$out"/system.img_sparsechunk.*
        cp "$stage/system.img" "$stage/system.simg" "$stage"/chunks/* "$out/" ;;
esac

committed=../../fixtures/device
case $1 in
    --fixtures) mkdir -p "$committed" && cp "$out"/* "$committed/" && ls -l "$committed" ;;
    --check)
        for file in "$out"/*; do cmp "$file" "$committed/${file##*/}"; done
        echo "the packed devices are what device/ gives" ;;
    *) ls -l "$out" ;;
esac
