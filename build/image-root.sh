#!/bin/sh
# Copies files of a Debian system into a folder that becomes the root of an image: each with the shared
# libraries that it is linked to, and the licence and dpkg's record of the package that it belongs to, so
# that scanners know the content of the image although it has no package manager.
# Usage: [BASE=FOLDER] image-root.sh ROOT FILE...
# BASE is the root of a layer below: its files are not copied again.
set -eu
root=$1
shift

# Debian's /bin, /lib and so on are links into /usr; the image's are as well.
for name in bin sbin lib lib64; do
  mkdir -p "$root/usr/$name"
  [ -L "$root/$name" ] || ln -s "usr/$name" "$root/$name"
done
mkdir -p "$root/var/lib/dpkg/status.d"

# The path under /usr that a path through one of these links means.
to_canonical() {
  echo "$(realpath "$(dirname "$1")")/$(basename "$1")"
}

copy_package_record() {
  # dpkg knows the files of /usr/lib by the names that they had before /lib was a link.
  package=$(dpkg --search "$1" "${1#/usr}" 2>/dev/null | head -n 1 | cut -d : -f 1) || true
  [ -n "$package" ] || return 0
  dpkg-query --status "$package" >"$root/var/lib/dpkg/status.d/$package"
  mkdir -p "$root/usr/share/doc/$package"
  cp --dereference "/usr/share/doc/$package/copyright" "$root/usr/share/doc/$package/copyright"
}

copy() {
  path=$(to_canonical "$1")
  [ ! -e "$root$path" ] && [ ! -e "${BASE:-/nonexistent}$path" ] || return 0
  mkdir -p "$root$(dirname "$path")"
  cp --no-dereference --preserve=mode "$path" "$root$path"
  copy_package_record "$path"
  if [ -L "$path" ]; then
    case $(readlink "$path") in
      /*) copy "$(readlink "$path")" ;;
      *) copy "$(dirname "$path")/$(readlink "$path")" ;;
    esac
    return
  fi
  # A line is "name => /path (address)", or "/path (address)" for the loader.
  for library in $(ldd "$path" 2>/dev/null | grep -o '/[^ ]*' || true); do copy "$library"; done
}

for file in "$@"; do copy "$file"; done
