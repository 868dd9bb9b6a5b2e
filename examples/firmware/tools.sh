# shellcheck shell=bash
# Sourced by the fixture scripts: the Debian packages they need, and the steps from Java source to a signed package.
#
# Installed with the ordinary client:  javac, aapt, zipalign, apksigner, image tools.
# Taken from the suite "bullseye" without installing it (the later suites lack them): the real dx and the class
# stubs of API 23. The mirror is whatever the machine's own apt sources name for Debian.

work=${FIXTURE_WORK:-${CARGO_TARGET_DIR:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/target}/fixture-tools}
mkdir -p "$work"
export SOURCE_DATE_EPOCH=1466640000 # 2016-06-23
export TZ=UTC LC_ALL=C

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# install PACKAGE...: those that are missing.
install_packages() {
    local missing=() name
    for name in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing+=("$name")
    done
    [ ${#missing[@]} -eq 0 ] && return
    as_root apt-get -qq update
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends -y "${missing[@]}"
}

# The mirror that the machine's apt sources name.
debian_mirror() {
    apt-get indextargets --format '$(ORIGIN) $(SUITE) $(REPO_URI)' 'Identifier: Packages' |
        awk '$1 == "Debian" && $2 !~ /security/ && !found { found = $3 } END { print found }'
}

# Sets $android_jar and $dx_jar.
fetch_dx() {
    local apt=$work/apt debs=$work/debs mirror
    android_jar=$debs/root/usr/share/java/com.android.android-23.jar
    dx_jar=$debs/root/usr/share/java/com.android.dx.jar
    [ -e "$android_jar" ] && [ -e "$dx_jar" ] && return
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$debs"
    mirror=$(debian_mirror)
    [ -n "$mirror" ] || { as_root apt-get -qq update; mirror=$(debian_mirror); }
    [ -n "$mirror" ] || { echo "no Debian mirror in the apt sources of this machine" >&2; return 1; }
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror bullseye main" > "$apt/sources.list"
    cat > "$apt/apt.conf" <<CONF
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "-";
Dir::State::lists "$apt/lists";
Dir::Cache "$apt/cache";
APT::Sandbox::User "";
CONF
    APT_CONFIG=$apt/apt.conf apt-get -qq update
    (cd "$debs" && APT_CONFIG=$apt/apt.conf apt-get -qq download dalvik-exchange=10.0.0+r36-1 libandroid-23-java=6.0.1+r72-6)
    for name in "$debs"/*.deb; do dpkg -x "$name" "$debs/root"; done
}

# compile OUT_DIR SOURCE_DIR...: Java 8 classes against the class stubs.
compile() {
    local out=$1
    shift
    rm -rf "$out" && mkdir -p "$out"
    find "$@" -name '*.java' | sort > "$out.sources"
    javac -nowarn -Xlint:-options -g:source,lines -source 8 -target 8 -encoding UTF-8 -bootclasspath "$android_jar" -d "$out" @"$out.sources"
}

# to_dex OUT.dex CLASSES_DIR
to_dex() { java -cp "$dx_jar" com.android.dx.command.Main --dex --min-sdk-version=17 --output="$1" "$2"; }
