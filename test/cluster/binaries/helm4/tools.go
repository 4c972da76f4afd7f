//go:build tools

// Package binaries keeps the helm command that the test cluster runs in this module's requirements.
package binaries

import _ "helm.sh/helm/v4/cmd/helm"
