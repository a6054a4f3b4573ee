/* SPDX-License-Identifier: ISC */
/*
 * bridge-helper-call N CMD ARG...: calls a bridge helper as QEMU does (net/tap.c), one end of a socket pair being its fd N, and
 * describes the tap whose descriptor comes: name, vnet_hdr or plain, first byte of the address, bridge, up or down.
 */
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/num.h"

static const char *
bridge_of(const char *ifname, char path[64], char buf[256])
{
	ssize_t n;

	snprintf(path, 64, "/sys/class/net/%s/master", ifname);
	n = readlink(path, buf, 255);
	buf[n < 0 ? 0 : n] = '\0';
	return strrchr(buf, '/') ? strrchr(buf, '/') + 1 : "-";
}

static void
describe(int tap)
{
	char path[64], buf[256];
	struct ifreq ifr;
	unsigned flags;

	if (ioctl(tap, TUNGETIFF, &ifr) < 0)
		die_sys("what came is no tap");
	flags = (unsigned short)ifr.ifr_flags;
	printf("%s\t%s", ifr.ifr_name, flags & IFF_VNET_HDR ? "vnet_hdr" : "plain");
	if (ioctl(tap, SIOCGIFHWADDR, &ifr) < 0)
		die_sys("its address");
	printf("\t%02x\t%s", (unsigned char)ifr.ifr_hwaddr.sa_data[0], bridge_of(ifr.ifr_name, path, buf));
	if (ioctl(socket(AF_UNIX, SOCK_DGRAM, 0), SIOCGIFFLAGS, &ifr) < 0)
		die_sys("its flags");
	printf("\t%s\n", ifr.ifr_flags & IFF_UP ? "up" : "down");
}

int
main(int argc, char **argv)
{
	int sv[2], fd = -1, status;
	char byte = 1;
	size_t n = 1;
	pid_t pid;

	diag_init(argv[0], 99);
	if (argc < 3 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
		die("usage: bridge-helper-call N CMD ARG...");
	pid = fork();
	if (!pid) {
		if (dup2(sv[1], (int)num_opt('N', argv[1], 3, 100)) < 0)
			die_sys("dup2");
		execvp(argv[2], argv + 2);
		die_sys("%s", argv[2]);
	}
	close(sv[1]);
	if (fd_recv(sv[0], &byte, 1, &fd, &n) == 1 && (byte || n != 1))
		die("not one byte 0 with one descriptor");
	if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
		die("it did not exit");
	if (!WEXITSTATUS(status))
		describe(fd);
	return WEXITSTATUS(status);
}
