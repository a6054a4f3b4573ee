/* SPDX-License-Identifier: ISC */
/* Settings of interfaces that have no netlink messages: /proc/sys/net/FAMILY/conf/NAME. What is not there is passed over. */
#ifndef VM_BRIDGE_CONF_H
#define VM_BRIDGE_CONF_H

/* family: "ipv4" or "ipv6". */
void conf_set(const char *family, const char *name, const char *what, const char *value);
void conf_copy(const char *family, const char *from, const char *to, const char *what);

/* How packets are treated that come in there, but for rp_filter. */
void conf_copy_all(const char *from, const char *to);

#endif
