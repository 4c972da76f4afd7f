// Command cert-manager runs those of cert-manager's controllers that sign requests with a CA of the cluster: what its own
// command does, whose Go module is published nowhere, with the same controllers.
//
//	cert-manager [kubeconfig]
//
// Prints one line, `ready`, once they run. Ends with SIGTERM, or when a controller fails.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"

	"github.com/cert-manager/cert-manager/pkg/controller"
	"github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/approver"
	"github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/ca"
	"github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/selfsigned"
	"github.com/cert-manager/cert-manager/pkg/controller/clusterissuers"
	"github.com/cert-manager/cert-manager/pkg/controller/issuers"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/ca"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/selfsigned"
)

// Of a ClusterIssuer's Secrets, as in cert-manager's own chart.
const clusterResourceNamespace = "cert-manager"

const workers = 5

var enabled = []string{
	approver.ControllerName,
	ca.CRControllerName,
	selfsigned.CRControllerName,
	issuers.ControllerName,
	clusterissuers.ControllerName,
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if len(os.Args) != 2 {
		fail("usage: cert-manager KUBECONFIG")
	}
	run(ctx, os.Args[1])
}

func run(ctx context.Context, kubeconfig string) {
	factory, err := controller.NewContextFactory(ctx, controller.ContextOptions{
		Kubeconfig:         kubeconfig,
		KubernetesAPIQPS:   200,
		KubernetesAPIBurst: 400,
		IssuerOptions:      controller.IssuerOptions{ClusterResourceNamespace: clusterResourceNamespace},
	})
	if err != nil {
		fail("the clients: %v", err)
	}
	shared, err := factory.Build()
	if err != nil {
		fail("the clients: %v", err)
	}
	var running sync.WaitGroup
	for name, construct := range controller.Known() {
		if !slices.Contains(enabled, name) {
			continue
		}
		built, err := construct(factory)
		if err != nil {
			fail("%s: %v", name, err)
		}
		running.Go(func() {
			if err := built.Run(workers, ctx); err != nil {
				fail("%s: %v", name, err)
			}
		})
	}
	shared.SharedInformerFactory.Start(ctx.Done())
	shared.KubeSharedInformerFactory.Start(ctx.Done())
	fmt.Println("ready")
	running.Wait()
}

func fail(format string, values ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", values...)
	os.Exit(1)
}
