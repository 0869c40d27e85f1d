/*
 * Preloaded, it makes a kernel look as if it had no nf_tables: the netlink family of netfilter is unknown.
 * With NO_IP_TABLES set it has no ip_tables either: the socket options that legacy iptables uses are.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#define NETLINK_NETFILTER 12
#define IPT_SO_GET_INFO 64
#define IPT_SO_GET_ENTRIES 65

int socket(int domain, int type, int protocol) {
  if (domain == AF_NETLINK && protocol == NETLINK_NETFILTER) {
    errno = EPROTONOSUPPORT;
    return -1;
  }
  int (*next)(int, int, int) = dlsym(RTLD_NEXT, "socket");
  return next(domain, type, protocol);
}

int getsockopt(int fd, int level, int option, void *value, socklen_t *length) {
  if (getenv("NO_IP_TABLES") && level == 0 &&
      (option == IPT_SO_GET_INFO || option == IPT_SO_GET_ENTRIES)) {
    errno = ENOPROTOOPT;
    return -1;
  }
  int (*next)(int, int, int, void *, socklen_t *) = dlsym(RTLD_NEXT, "getsockopt");
  return next(fd, level, option, value, length);
}
