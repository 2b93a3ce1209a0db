/* landlock.c - see landlock.h.
 *
 * Versions   each kernel handles what it knows: rights that came later are cut off by version. The
 *            numbers stand here because the headers of a stable distribution are older than the
 *            kernels it runs on.
 * Files      a rule names an inode. So a file that is replaced by renaming another over it needs a
 *            rule for its folder. */
#include "app/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FS_REFER          (1ull << 13) /* version 2 */
#define FS_TRUNCATE       (1ull << 14) /* 3 */
#define FS_IOCTL_DEV      (1ull << 15) /* 5 */
#define NET_BIND_TCP      (1ull << 0)  /* 4 */
#define NET_CONNECT_TCP   (1ull << 1)
#define SCOPE_ABSTRACT    (1ull << 0) /* 6 */
#define SCOPE_SIGNAL      (1ull << 1)
#define ATTR_BYTES_OF_FS  8
#define ATTR_BYTES_OF_NET 16
#define ATTR_BYTES_OF_ALL 24

/* The kernel's struct landlock_ruleset_attr, as of version 6. */
struct ruleset_attr {
    uint64_t fs, net, scope;
};

#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_WRITE                                                                                   \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR |   \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | FS_TRUNCATE)
#define FS_SOCKET (LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REMOVE_FILE)
#define FS_ALL                                                                                     \
    (FS_READ | FS_WRITE | FS_SOCKET | LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR |  \
     LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM |  \
     FS_REFER | FS_IOCTL_DEV)
/* Of these, what a rule for anything but a folder may hold. */
#define FS_OF_FILE                                                                                 \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |   \
     FS_TRUNCATE | FS_IOCTL_DEV)

static uint64_t known_fs(int version)
{
    uint64_t known = FS_ALL;
    if (version < 2) known &= ~FS_REFER;
    if (version < 3) known &= ~FS_TRUNCATE;
    if (version < 5) known &= ~FS_IOCTL_DEV;
    return known;
}

int landlock_version(void)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return version > 0 ? (int)version : 0;
}

int landlock_open(const struct landlock_limits *limits)
{
    int version = landlock_version();
    struct ruleset_attr attr = {.fs = known_fs(version), .net = NET_CONNECT_TCP};
    if (!limits->may_bind) attr.net |= NET_BIND_TCP;
    attr.scope = SCOPE_SIGNAL;
    if (!limits->may_send_abstract) attr.scope |= SCOPE_ABSTRACT;
    size_t bytes = ATTR_BYTES_OF_FS;
    if (version >= 4) bytes = ATTR_BYTES_OF_NET;
    if (version >= 6) bytes = ATTR_BYTES_OF_ALL;
    return (int)syscall(SYS_landlock_create_ruleset, &attr, bytes, 0);
}

int landlock_open_without_programs(void)
{
    struct ruleset_attr attr = {.fs = LANDLOCK_ACCESS_FS_EXECUTE};
    return (int)syscall(SYS_landlock_create_ruleset, &attr, ATTR_BYTES_OF_FS, 0);
}

static uint64_t access_of(unsigned rights)
{
    uint64_t fs = 0;
    if (rights & LAND_READ) fs |= FS_READ;
    if (rights & LAND_WRITE) fs |= FS_WRITE;
    if (rights & LAND_SOCKET) fs |= FS_SOCKET;
    if (rights & LAND_REMOVE) fs |= LANDLOCK_ACCESS_FS_REMOVE_FILE;
    if (rights & LAND_RUN) fs |= LANDLOCK_ACCESS_FS_EXECUTE;
    return fs;
}

bool landlock_allow(int ruleset_fd, const char *path, unsigned rights)
{
    struct stat st;
    struct landlock_path_beneath_attr rule = {
        .allowed_access = access_of(rights) & known_fs(landlock_version()),
        .parent_fd = open(path, O_PATH | O_CLOEXEC),
    };
    if (rule.parent_fd < 0) return false;
    bool good = fstat(rule.parent_fd, &st) == 0;
    if (good && !S_ISDIR(st.st_mode)) rule.allowed_access &= FS_OF_FILE;
    if (good && rule.allowed_access)
        good =
            syscall(SYS_landlock_add_rule, ruleset_fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
    int why = errno;
    close(rule.parent_fd);
    errno = why;
    return good;
}

bool landlock_enforce(int ruleset_fd)
{
    return syscall(SYS_landlock_restrict_self, ruleset_fd, 0) == 0;
}
