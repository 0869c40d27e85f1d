/*
 * Sends one TCP SYN to an address as a whole frame (AF_PACKET), past the kernel's IP layer, as a process with
 * CAP_NET_RAW can. The kernel is told the frame's protocol; the frame can carry VLAN tags, and the queueing
 * discipline can be skipped.
 * Usage: netns-packet LINK SOURCE DESTINATION PORT DESTINATION-MAC PROTOCOL-HEX TAGS BYPASS
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static unsigned sum_up(const unsigned char *bytes, int length, unsigned sum) {
  for (int i = 0; i + 1 < length; i += 2) sum += (bytes[i] << 8) | bytes[i + 1];
  return sum;
}

static unsigned short fold(unsigned sum) {
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return htons(~sum & 0xffff);
}

int main(int count, char **arguments) {
  if (count != 9) return 2;
  unsigned char frame[128] = {0};
  unsigned mac[6];
  if (sscanf(arguments[5], "%x:%x:%x:%x:%x:%x", mac, mac + 1, mac + 2, mac + 3, mac + 4, mac + 5) != 6) return 2;
  for (int i = 0; i < 6; i++) frame[i] = mac[i];
  frame[6] = 2;
  int at = 12;
  for (int tag = atoi(arguments[7]); tag > 0; tag--, at += 4) frame[at] = 0x81;
  frame[at] = 0x08;
  unsigned char *ip = frame + at + 2, *tcp = ip + 20;
  ip[0] = 0x45;
  ip[3] = 40;
  ip[8] = 64;
  ip[9] = 6;
  inet_pton(AF_INET, arguments[2], ip + 12);
  inet_pton(AF_INET, arguments[3], ip + 16);
  *(unsigned short *)(ip + 10) = fold(sum_up(ip, 20, 0));
  *(unsigned short *)tcp = htons(45678);
  *(unsigned short *)(tcp + 2) = htons(atoi(arguments[4]));
  tcp[12] = 0x50;
  tcp[13] = 2;
  tcp[14] = 0xff;
  *(unsigned short *)(tcp + 16) = fold(sum_up(tcp, 20, sum_up(ip + 12, 8, 6 + 20)));
  int protocol = htons(strtol(arguments[6], NULL, 16));
  int sock = socket(AF_PACKET, SOCK_RAW, 0);
  int bypass = atoi(arguments[8]);
  struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_protocol = protocol};
  to.sll_ifindex = if_nametoindex(arguments[1]);
  to.sll_halen = 6;
  memcpy(to.sll_addr, frame, 6);
  if (sock < 0 || (bypass && setsockopt(sock, SOL_PACKET, PACKET_QDISC_BYPASS, &bypass, sizeof bypass)))
    return perror("socket"), 1;
  /* A refused frame is an error to some kernels and none to others: the node's end is what counts. */
  if (sendto(sock, frame, at + 42, 0, (struct sockaddr *)&to, sizeof to) < 0) perror("sendto");
  return 0;
}
