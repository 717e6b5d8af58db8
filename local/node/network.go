package node

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"github.com/vishvananda/netlink"
)

const nodeLink = "eth0"

// attachNetwork joins the host to the network namespace of the given process by a veth pair, and routes pods and Services
// through it. The pair and the routes go away with the namespace.
func attachNetwork(pid int) error {
	if err := detachNetwork(); err != nil {
		return err
	}
	pair := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: hostLink}, PeerName: nodeLink, PeerNamespace: netlink.NsPid(pid)}
	if err := netlink.LinkAdd(pair); err != nil {
		return fmt.Errorf("create network link %s: %w", hostLink, err)
	}
	link, err := netlink.LinkByName(hostLink)
	if err != nil {
		return err
	}
	if err := addAddress(link, hostAddress); err != nil {
		return err
	}
	for _, destination := range clusterRanges {
		if err := addRoute(link, destination, nodeAddress); err != nil {
			return err
		}
	}
	return nil
}

// detachNetwork removes the host's end of the pair, if there is one.
func detachNetwork() error {
	link, err := netlink.LinkByName(hostLink)
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := netlink.LinkDel(link); err != nil && !errors.Is(err, syscall.ENODEV) {
		return fmt.Errorf("remove network link %s: %w", hostLink, err)
	}
	return nil
}

// configureNodeNetwork runs inside the node's network namespace.
func configureNodeNetwork() error {
	loopback, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	if err := netlink.LinkSetUp(loopback); err != nil {
		return err
	}
	link, err := netlink.LinkByName(nodeLink)
	if err != nil {
		return fmt.Errorf("the node's end of the network link: %w", err)
	}
	if err := addAddress(link, nodeAddress+"/30"); err != nil {
		return err
	}
	if err := addRoute(link, "0.0.0.0/0", hostGateway); err != nil {
		return err
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644)
}

func addAddress(link netlink.Link, address string) error {
	parsed, err := netlink.ParseAddr(address)
	if err != nil {
		return err
	}
	if err := netlink.AddrAdd(link, parsed); err != nil {
		return fmt.Errorf("address %s: %w", address, err)
	}
	return netlink.LinkSetUp(link)
}

func addRoute(link netlink.Link, destination, gateway string) error {
	_, network, err := net.ParseCIDR(destination)
	if err != nil {
		return err
	}
	route := &netlink.Route{LinkIndex: link.Attrs().Index, Dst: network, Gw: net.ParseIP(gateway)}
	if err := netlink.RouteAdd(route); err != nil {
		return fmt.Errorf("route to %s: %w", destination, err)
	}
	return nil
}

// hostRoutes are the host's routes that do not go through the node, without default routes.
func hostRoutes() ([]string, error) {
	routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		return nil, err
	}
	own := -1
	if link, err := netlink.LinkByName(hostLink); err == nil {
		own = link.Attrs().Index
	}
	var found []string
	for _, route := range routes {
		if route.Dst != nil && route.LinkIndex != own {
			if ones, _ := route.Dst.Mask.Size(); ones > 0 {
				found = append(found, route.Dst.String())
			}
		}
	}
	return found, nil
}
