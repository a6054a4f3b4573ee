/* SPDX-License-Identifier: ISC */
/* Name servers that guests can use; the contracts are in nameserver.h. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/util.h"
#include "vm-dhcpd/nameserver.h"

#define BLANKS " \t"

static void
add4(struct nameservers *n, struct in_addr a)
{
	bool loopback = ntohl(a.s_addr) >> 24 == IN_LOOPBACKNET || !a.s_addr; /* 0.0.0.0 means this host: resolv.conf(5) */

	n->stub |= loopback;
	for (size_t i = 0; i < n->nin; i++)
		if (n->in[i].s_addr == a.s_addr)
			return;
	if (!loopback && n->nin < NAMESERVERS_MAX)
		n->in[n->nin++] = a;
}

static void
add6(struct nameservers *n, const struct in6_addr *a)
{
	bool loopback = IN6_IS_ADDR_LOOPBACK(a) || IN6_IS_ADDR_UNSPECIFIED(a);

	n->stub |= loopback;
	for (size_t i = 0; i < n->nin6; i++)
		if (IN6_ARE_ADDR_EQUAL(&n->in6[i], a))
			return;
	if (!loopback && !IN6_IS_ADDR_LINKLOCAL(a) && n->nin6 < NAMESERVERS_MAX)
		n->in6[n->nin6++] = *a;
}

static void
parse_line(struct nameservers *n, const char *line)
{
	char word[INET6_ADDRSTRLEN];
	struct in6_addr in6;
	struct in_addr in;
	size_t len;

	line += strspn(line, BLANKS);
	if (strncmp(line, "nameserver", 10) || !strspn(line + 10, BLANKS))
		return;
	line += 10 + strspn(line + 10, BLANKS);
	len = strcspn(line, BLANKS "\r\n#;");
	if (len >= sizeof(word))
		return;
	memcpy(word, line, len);
	word[len] = '\0';
	if (inet_pton(AF_INET, word, &in) == 1)
		add4(n, in);
	else if (inet_pton(AF_INET6, word, &in6) == 1)
		add6(n, &in6);
}

void
nameservers_parse(struct nameservers *n, const char *text)
{
	while (*text) {
		parse_line(n, text);
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
}

static void
read_file(struct nameservers *n, const char *path)
{
	char text[8192];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : fd_read_all(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	if (len < 0)
		return;
	text[len] = '\0';
	nameservers_parse(n, text);
}

void
nameservers_read(struct nameservers *n)
{
	static const char *const upstream[] = {"/run/systemd/resolve/resolv.conf", "/run/NetworkManager/no-stub-resolv.conf"};

	*n = (struct nameservers){.stub = false};
	read_file(n, "/etc/resolv.conf");
	for (size_t i = 0; i < ARRAY_LEN(upstream) && n->stub && !n->nin && !n->nin6; i++)
		read_file(n, upstream[i]);
}
