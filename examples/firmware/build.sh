#!/bin/bash
# Rebuilds the packages of the example firmware under device/ from apps/, signed with the keys under keys/.
# With --check: builds elsewhere and compares with the committed files.
set -euo pipefail
cd "$(dirname "$0")"
. ./tools.sh
install_packages default-jdk-headless aapt zipalign apksigner openssl zip unzip
fetch_dx

# key NAME DISTINGUISHED_NAME: made once and committed. The keys protect nothing; they only make signers distinct.
key() {
    [ -e "keys/$1.pk8" ] && return
    mkdir -p keys
    openssl req -x509 -newkey rsa:2048 -sha256 -days 10000 -nodes -subj "$2" -keyout "$work/$1.pem" -out "keys/$1.x509.pem" 2> "$work/openssl.log"
    openssl pkcs8 -topk8 -outform DER -nocrypt -in "$work/$1.pem" -out "keys/$1.pk8"
    rm "$work/$1.pem"
}

# package APP KEY OUT.apk [SOURCE_DIR...]: an empty list of sources gives a package without code.
package() {
    local app=$1 key=$2 out=$3 stage=$work/$1
    shift 3
    rm -rf "$stage" "$stage".* && mkdir -p "$stage"
    local resources=()
    [ -d "apps/$app/res" ] && resources=(-S "apps/$app/res")
    aapt package -f -F "$stage.resources.apk" -M "apps/$app/AndroidManifest.xml" "${resources[@]}" -I "$android_jar"
    unzip -q "$stage.resources.apk" -d "$stage"
    if [ $# -gt 0 ]; then
        compile "$work/classes-$app" "$@"
        rm -rf "$work/classes-$app/org/apache"
        to_dex "$stage/classes.dex" "$work/classes-$app"
    fi
    find "$stage" -type f -exec touch -d "@$SOURCE_DATE_EPOCH" {} +
    (cd "$stage" && find . -type f | sed 's,^\./,,' | sort | zip -q -X -9 "$stage.unaligned.apk" -@)
    zipalign -f 4 "$stage.unaligned.apk" "$stage.aligned.apk"
    mkdir -p "$(dirname "$out")"
    apksigner sign --key "keys/$key.pk8" --cert "keys/$key.x509.pem" --min-sdk-version 19 \
        --v1-signing-enabled true --v2-signing-enabled true --v3-signing-enabled false --v4-signing-enabled false \
        --out "$out" "$stage.aligned.apk"
}

key platform "/C=XX/O=Example Maker/CN=Example Platform"
key supplier "/C=XX/O=Example FOTA/CN=Example Update Supplier"
key messages "/C=XX/O=Example Apps/CN=Example Messages"

device=$PWD/device
[ "${1:-}" = --check ] && device=$work/device
package platform platform "$device/system/framework/framework-res.apk"
package collector platform "$device/system/priv-app/Collector/Collector.apk" apps/collector/src
package uploader supplier "$device/system/app/Uploader/Uploader.apk" apps/uploader/src stubs
package lookalike messages "$device/system/app/Messages/Messages.apk" apps/lookalike/src

if [ "${1:-}" = --check ]; then
    for apk in framework/framework-res priv-app/Collector/Collector app/Uploader/Uploader app/Messages/Messages; do
        cmp "$device/system/$apk.apk" "device/system/$apk.apk"
    done
    echo "the packages are what apps/ gives"
else
    find device -name '*.apk' -exec ls -l {} +
fi
