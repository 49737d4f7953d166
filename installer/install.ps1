# Installs the SessionForge agent on Windows, from the server that this script came from and from nowhere else:
#
#   iwr -useb @SERVER@/agent/install.ps1 | iex; Install-SessionForge -ApiKey 'KEY'
#
# What it does: takes the program from the server, checks it, puts it into a directory on the PATH, logs in, and, if
# PowerShell runs as Administrator, has the agent started with this machine. Saying it again changes only what is different.
# Works with Windows PowerShell 5.1 and later.

$SessionForgeServer = '@SERVER@'

function Install-SessionForge {
    [CmdletBinding()]
    param(
        # API key of this machine; else SESSIONFORGE_API_KEY, or the one it has.
        [string] $ApiKey = $env:SESSIONFORGE_API_KEY,
        # What to call this machine.
        [string] $Name,
        # Where to put the program.
        [string] $Directory = (Join-Path $env:LOCALAPPDATA 'SessionForge\bin'),
        # That version instead of the newest.
        [string] $Version,
        # Send the key over plain HTTP, on a network you trust.
        [switch] $InsecureHttp,
        # Only put the program there and log in.
        [switch] $NoService
    )
    $ErrorActionPreference = 'Stop'
    # A progress bar makes downloads slower by factors in Windows PowerShell.
    $ProgressPreference = 'SilentlyContinue'
    [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12

    $target = 'windows-x86_64'
    if (-not [Environment]::Is64BitOperatingSystem) { throw 'There is no SessionForge for 32-bit Windows.' }

    $list = (Invoke-WebRequest -UseBasicParsing -Uri "$SessionForgeServer/downloads/SHA256SUMS").Content
    # Some servers' answers come as bytes.
    if ($list -is [byte[]]) { $list = [Text.Encoding]::UTF8.GetString($list) }
    $wanted = $null
    # The list has the newest first; what comes before a finished version (0.2.0-rc.1) is not taken unasked.
    foreach ($line in $list -split "`n") {
        if ($line -notmatch "^([0-9a-f]{64})  (sessionforge-(.+)-$target\.exe)\s*$") { continue }
        $sum, $file, $its = $Matches[1], $Matches[2], $Matches[3]
        if ($Version) { if ($its -ne $Version) { continue } } elseif ($its -like '*-*') { continue }
        $wanted = @{ Sum = $sum; File = $file; Version = $its }
        break
    }
    if (-not $wanted) {
        throw "$SessionForgeServer has no $Version program for $target; its owner puts release files into releases\ in its data directory."
    }

    $program = Join-Path $Directory 'sessionforge.exe'
    New-Item -ItemType Directory -Force -Path $Directory | Out-Null
    $replaced = $false
    if ((Test-Path $program) -and (Get-FileHash -Algorithm SHA256 $program).Hash -eq $wanted.Sum) {
        Write-Output "Program   $program, as it should be"
    }
    else {
        $new = "$program.new.exe"
        Invoke-WebRequest -UseBasicParsing -Uri "$SessionForgeServer/downloads/$($wanted.File)" -OutFile $new
        if ((Get-FileHash -Algorithm SHA256 $new).Hash -ne $wanted.Sum) {
            Remove-Item -Force $new
            throw 'What was downloaded is not what the server has: its checksum is another. Nothing was installed; try again.'
        }
        & $new version | Out-Null
        if ($LASTEXITCODE -ne 0) {
            Remove-Item -Force $new
            throw "The program does not run on this machine (exit code $LASTEXITCODE)."
        }
        if (Test-Path $program) {
            # A program that runs can be renamed on Windows, and not replaced.
            $old = "$program.old.exe"
            if (Test-Path $old) { Remove-Item -Force -ErrorAction SilentlyContinue $old }
            if (Test-Path $old) { $old = "$program.old-$(Get-Random).exe" }
            Move-Item -Force $program $old
            $replaced = $true
        }
        Move-Item -Force $new $program
        Write-Output "Program   $program, $($wanted.Version)"
    }

    $path = [Environment]::GetEnvironmentVariable('Path', 'User')
    if (($path -split ';') -notcontains $Directory) {
        [Environment]::SetEnvironmentVariable('Path', (($path, $Directory) -ne '' -join ';').Trim(';'), 'User')
        Write-Output 'PATH      changed for you; programs that are started from now on see it'
    }
    if (($env:Path -split ';') -notcontains $Directory) { $env:Path = "$env:Path;$Directory" }

    if ($ApiKey) {
        $options = @('auth', 'login', '--server', $SessionForgeServer, '--key', '-')
        if ($Name) { $options += @('--name', $Name) }
        if ($InsecureHttp) { $options += '--insecure-http' }
        # By standard input: arguments can be read by other programs.
        $ApiKey | & $program @options
        if ($LASTEXITCODE -ne 0) { throw 'This machine is not logged in.' }
    }
    else {
        & $program auth status | Out-Null
        if ($LASTEXITCODE -ne 0) {
            throw "No key was given, so this machine is not logged in yet: sessionforge auth login --server $SessionForgeServer --key KEY"
        }
    }

    if ($NoService) { return }
    $me = New-Object Security.Principal.WindowsPrincipal ([Security.Principal.WindowsIdentity]::GetCurrent())
    if (-not $me.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) {
        Write-Output 'Next      a service needs an Administrator: say this again in a PowerShell that runs as one,'
        Write-Output '          or connect this machine as long as a window is open: sessionforge agent'
        return
    }
    $options = @('service', 'install')
    if ($InsecureHttp) { $options += '--insecure-http' }
    & $program @options
    if ($LASTEXITCODE -ne 0) {
        throw 'The agent is not started with this machine; until that is mended, this connects it: sessionforge agent'
    }
    if ($replaced) { & $program service restart }
}

function Uninstall-SessionForge {
    [CmdletBinding()]
    param([string] $Directory = (Join-Path $env:LOCALAPPDATA 'SessionForge\bin'))
    $ErrorActionPreference = 'Stop'
    $program = Join-Path $Directory 'sessionforge.exe'
    if (-not (Test-Path $program)) {
        Write-Output "There is no $program; nothing was done."
        return
    }
    & $program service uninstall
    & $program auth logout
    Get-ChildItem -Path $Directory -Filter 'sessionforge.exe*' | Remove-Item -Force
    $path = [Environment]::GetEnvironmentVariable('Path', 'User')
    $kept = ($path -split ';' | Where-Object { $_ -and $_ -ne $Directory }) -join ';'
    [Environment]::SetEnvironmentVariable('Path', $kept, 'User')
    Write-Output "Removed   $program"
}
