/* SPDX-License-Identifier: ISC */
/* Which client boots what: -E [WHO=]FILE against what a DHCP client says about itself. */
#ifndef VM_DHCPD_PXE_H
#define VM_DHCPD_PXE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PXE_FILES_MAX 16
#define PXE_FILE_MAX 254 /* characters of a file or URL; what is longer than a packet's file field goes as option 67 alone */
#define PXE_NO_ARCH -1

struct pxe_file {
	int who; /* an architecture, or one of pxe.c's own */
	bool url;
	const char *file;
};

/* All zero: nobody boots from here. */
struct pxe {
	struct pxe_file files[PXE_FILES_MAX];
	size_t nfiles;
	const char *server;  /* -e: another TFTP server; NULL: we are it */
	struct in_addr next; /* its address, if that is how it was given */
};

/* Takes a word of -E, which must last. NULL, or what is wrong with it. */
const char *pxe_add(struct pxe *p, const char *word);

/* Takes the word of -e, which must last: an IPv4 address or a name. NULL, or what is wrong with it. */
const char *pxe_set_server(struct pxe *p, const char *word);

/* "boot", for whom, and the file, a line each, parted by tabs. */
void pxe_print(const struct pxe *p);

/* What a client says; DHCPv4's options and DHCPv6's alike. Bytes as they came, NULL and 0 where there were none. */
struct pxe_client {
	const uint8_t *class, *user_class; /* options 60 and 77 */
	size_t class_len, user_class_len;
	int arch;  /* option 93, the first; or PXE_NO_ARCH */
	bool ipxe; /* has option 175 */
};

struct pxe_answer {
	const char *file;   /* NULL: nothing for this client; then all else is void */
	bool url;	    /* and not a path on a TFTP server */
	const char *server; /* option 66 and sname; NULL: none */
	struct in_addr next; /* siaddr; 0.0.0.0: our own, unless it is a URL */
	const char *class;  /* option 60 to send; NULL: none */
	const uint8_t *vendor; /* option 43 to send; NULL: none */
	size_t vendor_len;
};

void pxe_choose(const struct pxe *p, const struct pxe_client *c, struct pxe_answer *a);

#endif
