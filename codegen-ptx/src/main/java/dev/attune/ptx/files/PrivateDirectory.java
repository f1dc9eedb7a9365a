package dev.attune.ptx.files;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;

/** Directories that nobody but the user can have written into. */
public final class PrivateDirectory {
  private PrivateDirectory() {}

  /**
   * A directory, created with mode 0700 where it is missing, after those above it. It is used only
   * if it is a real directory of the current user, which others cannot write or replace.
   *
   * @return the directory itself
   * @throws IOException saying in one sentence why it cannot be used
   */
  public static Path require(Path directory) throws IOException {
    Path parent = directory.toAbsolutePath().getParent();
    if (parent == null) {
      throw new IOException(directory + " is the root directory");
    }
    Files.createDirectories(parent);
    requireUnwritableByOthers(parent.toRealPath());
    try {
      Files.createDirectory(
          directory,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    } catch (FileAlreadyExistsException e) {
      // Judged below, like one just created.
    }
    if (!Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)) {
      throw new IOException(directory + " is not a directory");
    }
    Object self = Files.getAttribute(Path.of("/proc/self"), "unix:uid");
    if (!self.equals(Files.getAttribute(directory, "unix:uid", LinkOption.NOFOLLOW_LINKS))) {
      throw new IOException(directory + " belongs to another user");
    }
    if ((mode(directory) & 0022) != 0) {
      throw new IOException(directory + " can be written by other users");
    }
    return directory;
  }

  private static void requireUnwritableByOthers(Path parent) throws IOException {
    int mode = mode(parent);
    boolean sticky = (mode & 01000) != 0;
    if ((mode & 0022) != 0 && !sticky) {
      throw new IOException(parent + " can be written by other users");
    }
  }

  private static int mode(Path directory) throws IOException {
    return (Integer) Files.getAttribute(directory, "unix:mode", LinkOption.NOFOLLOW_LINKS) & 07777;
  }
}
