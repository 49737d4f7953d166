# Filled in by packaging/homebrew/render.
class Sessionforge < Formula
  desc "Terminal sessions of all your machines in any browser"
  homepage "@HOMEPAGE@"
  version "@VERSION@"
  license "MIT"

  on_macos do
    on_arm do
      url "@URL@/sessionforge-@VERSION@-macos-arm64", using: :nounzip
      sha256 "@SHA256 macos-arm64@"
    end
    on_intel do
      url "@URL@/sessionforge-@VERSION@-macos-x86_64", using: :nounzip
      sha256 "@SHA256 macos-x86_64@"
    end
  end

  on_linux do
    on_arm do
      url "@URL@/sessionforge-@VERSION@-linux-arm64", using: :nounzip
      sha256 "@SHA256 linux-arm64@"
    end
    on_intel do
      url "@URL@/sessionforge-@VERSION@-linux-x86_64", using: :nounzip
      sha256 "@SHA256 linux-x86_64@"
    end
  end

  def install
    bin.install Dir["sessionforge-*"].first => "sessionforge"
    chmod 0755, bin/"sessionforge"
    generate_completions_from_executable(bin/"sessionforge", "completions")
    system bin/"sessionforge", "man", "--directory", man1
  end

  def caveats
    <<~EOS
      Nothing was started.
        A server:  sessionforge server
        An agent:  sessionforge auth login, then: sessionforge service install
      After an upgrade say `sessionforge service install` again, and `sessionforge service restart`;
      sessions go on.
    EOS
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/sessionforge version")
  end
end
